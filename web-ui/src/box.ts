/** `<ec-box>`: a box drawn on the plate of the world goes into the form's four fields. */

export type Edges = { west: number; south: number; east: number; north: number };

const EDGES = ['west', 'south', 'east', 'north'] as const;
/** A drag shorter than this is a click [degrees]. */
const LEAST = 2;

/** The box between two points of the plate (360 by 180, north up), in degrees; null for a click. */
export function boxBetween(x0: number, y0: number, x1: number, y1: number): Edges | null {
  const clip = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  const [left, right] = [clip(Math.min(x0, x1), 360), clip(Math.max(x0, x1), 360)];
  const [top, bottom] = [clip(Math.min(y0, y1), 180), clip(Math.max(y0, y1), 180)];
  if (right - left < LEAST || bottom - top < LEAST) return null;
  const round = (value: number): number => Math.round(value * 10) / 10;
  return { west: round(left - 180), south: round(90 - bottom), east: round(right - 180), north: round(90 - top) };
}

export class EcBox extends HTMLElement {
  #from: DOMPoint | null = null;

  connectedCallback(): void {
    const plate = this.querySelector('svg');
    if (!plate || this.dataset.state) return;
    const shape = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    shape.setAttribute('class', 'asked-box');
    plate.addEventListener('pointerdown', (event) => {
      this.#from = at(plate, event);
      plate.setPointerCapture(event.pointerId);
      plate.append(shape);
    });
    plate.addEventListener('pointermove', (event) => {
      if (!this.#from) return;
      const to = at(plate, event);
      shape.setAttribute('x', String(Math.min(this.#from.x, to.x)));
      shape.setAttribute('y', String(Math.min(this.#from.y, to.y)));
      shape.setAttribute('width', String(Math.abs(to.x - this.#from.x)));
      shape.setAttribute('height', String(Math.abs(to.y - this.#from.y)));
    });
    plate.addEventListener('pointerup', (event) => {
      const from = this.#from;
      this.#from = null;
      if (!from) return;
      const to = at(plate, event);
      const box = boxBetween(from.x, from.y, to.x, to.y);
      if (box) this.#ask(box);
      else shape.remove();
    });
    this.dataset.state = 'ready';
  }

  #ask(box: Edges): void {
    const fields = EDGES.map((edge) => document.querySelector<HTMLInputElement>(`input[name="${edge}"][type="number"]`));
    fields.forEach((field, n) => field && (field.value = String(box[EDGES[n]!])));
    fields[0]?.form?.requestSubmit();
  }
}

function at(plate: SVGSVGElement, event: PointerEvent): DOMPoint {
  const matrix = plate.getScreenCTM();
  const point = new DOMPoint(event.clientX, event.clientY);
  return matrix ? point.matrixTransform(matrix.inverse()) : point;
}
