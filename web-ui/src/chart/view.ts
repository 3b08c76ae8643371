/** Draw a Vega-Lite specification as SVG, with no network and no evaluated code. */

import { parse, View, type Loader } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { compile, type TopLevelSpec } from 'vega-lite';
import { onDark } from './colours';

type Spec = Record<string, unknown>;

const refuse = (address: string): Promise<never> =>
  Promise.reject(new Error(`charts carry their own data; refused ${address}`));

// Every way out of Vega's loader ends here: a specification with an address draws nothing.
const closedLoader = {
  load: refuse,
  sanitize: refuse,
  http: refuse,
  file: refuse,
  options: {},
} as unknown as Loader;

function colour(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

/** The page's inks and type over the specification's own configuration. */
function themed(element: Element, spec: Spec): Spec {
  const ink = colour(element, '--ink');
  const quiet = colour(element, '--ink-quiet');
  const rule = colour(element, '--rule');
  const font = getComputedStyle(element).fontFamily;
  const own = (spec.config ?? {}) as Record<string, Spec | undefined>;
  return {
    ...own,
    background: 'transparent',
    font,
    // The element has the words of the whole and a table: marks would be read out one by one.
    mark: { ...own.mark, aria: false },
    axis: {
      ...own.axis,
      labelColor: quiet,
      titleColor: ink,
      gridColor: rule,
      domainColor: quiet,
      tickColor: quiet,
    },
    legend: { ...own.legend, labelColor: ink, titleColor: quiet },
    text: { ...own.text, color: ink },
    style: { ...own.style, ink: { ...(own.style?.ink as Spec), fill: ink } },
  };
}

function tooltipIn(element: HTMLElement) {
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  element.append(tip);
  return (_: unknown, event: MouseEvent, __: unknown, value: unknown): void => {
    tip.hidden = value === null || value === undefined || value === '';
    if (tip.hidden) return;
    const lines =
      typeof value === 'object'
        ? Object.entries(value as Record<string, unknown>).map(([k, v]) => `${k}: ${String(v)}`)
        : [String(value)];
    tip.replaceChildren(
      ...lines.map((line) => Object.assign(document.createElement('div'), { textContent: line })),
    );
    const frame = element.getBoundingClientRect();
    const x = event.clientX - frame.left;
    tip.style.left = `${Math.min(x + 12, Math.max(0, frame.width - tip.offsetWidth))}px`;
    tip.style.top = `${event.clientY - frame.top + 12}px`;
  };
}

/** Draw `spec` in `element` and draw it again when the colour scheme changes. */
export async function drawChart(element: HTMLElement, spec: Spec): Promise<void> {
  const draw = async (): Promise<View> => {
    const shown = matchMedia('(prefers-color-scheme: dark)').matches ? onDark(spec) : spec;
    const fitted = {
      ...shown,
      ...(typeof spec.width === 'number' ? { width: 'container' } : {}),
      autosize: { type: 'fit', contains: 'padding' },
      config: themed(element, shown),
    } as unknown as TopLevelSpec;
    const canvas = document.createElement('div');
    canvas.className = 'chart-svg';
    element.replaceChildren(canvas);
    const runtime = parse(compile(fitted).spec, undefined, { ast: true });
    const view = new View(runtime, {
      expr: expressionInterpreter,
      loader: closedLoader,
      renderer: 'svg',
      container: canvas,
      hover: true,
      tooltip: tooltipIn(element),
    } as ConstructorParameters<typeof View>[1]);
    return view.runAsync();
  };
  let view = await draw();
  const again = (): void => {
    view.finalize();
    void draw().then((next) => (view = next));
  };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
}
