/** `<ec-map>`: reads attributes, keeps the server's picture and table, adds map, slider, legend. */

import type { Choropleth } from '../breaks';
import { problemOf } from '../breaks';
import { fetchHere, regionHref, sameOrigin, withParameter } from '../same-origin';
import { nextWhilePlaying, readSteps, clampStep, startOfPlay, stepForKey, type Step } from '../steps';
import { langOf, wordsFor, type Words } from '../words';
import { legendOf, readLegend } from './legend';
import type { MapView } from './view';

const PLAY_EVERY_MS = 900;

function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text?: string,
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export class EcMap extends HTMLElement {
  static readonly observedAttributes = ['tiles', 'region', 'choropleth'];

  #started = false;
  #view: MapView | null = null;
  #steps: Step[] = [];
  #index = 0;
  #timer: number | null = null;
  #range: HTMLInputElement | null = null;
  #play: HTMLButtonElement | null = null;
  #label: HTMLOutputElement | null = null;
  #live: HTMLElement | null = null;

  connectedCallback(): void {
    if (!this.#started) void this.#start();
  }

  disconnectedCallback(): void {
    this.pause();
  }

  attributeChangedCallback(name: string, _: string | null, value: string | null): void {
    const view = this.#view;
    if (!view) return;
    if (name === 'tiles' && value) void view.showTiles(sameOrigin(value));
    if (name === 'region') view.highlight(value);
    if (name === 'choropleth') void this.#choropleth().then((map) => view.paint(map));
  }

  /** Index of the step shown. */
  get step(): number {
    return this.#index;
  }

  set step(index: number) {
    this.#show(clampStep(index, this.#steps.length), true);
  }

  get #words(): Words {
    return wordsFor(langOf(this));
  }

  async #start(): Promise<void> {
    this.#started = true;
    const frame = make('div', 'map-frame');
    const place = make('div', 'map-canvas');
    frame.append(place);
    try {
      // Every address is judged before anything is drawn or loaded.
      const outlines = this.getAttribute('regions');
      const regions = outlines ? sameOrigin(outlines) : null;
      const lines = this.getAttribute('lines');
      const tiles = this.getAttribute('tiles');
      this.#steps = readSteps(this.getAttribute('steps') ?? '[]');
      this.#steps.forEach((step) => sameOrigin(step.tiles));
      this.#index = clampStep(Number(this.getAttribute('step') ?? 0), this.#steps.length);
      const first = this.#steps[this.#index]?.tiles ?? tiles;
      const { openMap } = await import('./view');
      const choropleth = await this.#choropleth();
      this.prepend(frame);
      this.#view = await openMap(place, {
        // A node without outlines still shows its tiles.
        regions: regions ? await (await fetchHere(regions)).json() : { features: [] },
        lines: lines ? await (await fetchHere(lines)).json() : null,
        tiles: first ? sameOrigin(first) : null,
        tileBounds: boundsOf(this.getAttribute('tile-bounds')),
        tileMaxZoom: Number(this.getAttribute('tile-max-zoom') ?? 8),
        bounds: boundsOf(this.getAttribute('bounds')),
        region: this.getAttribute('region'),
        choropleth,
        lang: langOf(this),
        words: this.#words,
        onSelect: (id, name) => this.#select(id, name),
      });
      this.#furnish(frame, this.#view);
      this.dataset.state = 'ready';
      this.dispatchEvent(new CustomEvent('ec-ready', { bubbles: true }));
    } catch (error) {
      frame.remove();
      this.dataset.state = 'failed';
      const line = make('p', 'status', this.#words.mapFailed);
      line.setAttribute('role', 'status');
      this.prepend(line);
      console.warn('ec-map', error);
    }
  }

  async #choropleth(): Promise<Choropleth | null> {
    const text = this.getAttribute('choropleth')?.trim();
    if (!text) return null;
    const map = (
      text.startsWith('{') ? JSON.parse(text) : await (await fetchHere(text)).json()
    ) as Choropleth;
    const problem = problemOf(map);
    if (problem) throw new Error(`choropleth: ${problem}`);
    return map;
  }

  #select(id: string, name: string): void {
    const event = new CustomEvent('ec-select', {
      detail: { id, name },
      bubbles: true,
      cancelable: true,
    });
    const template = this.getAttribute('region-href');
    const step = this.#steps[this.#index]?.key;
    if (this.dispatchEvent(event) && template) {
      location.assign(regionHref(template, id, undefined, step));
    }
  }

  /** Slider, legend and notes under the map; what the server drew folds into a details. */
  #furnish(frame: HTMLElement, view: MapView): void {
    const rest = Array.from(this.childNodes).filter((node) => node !== frame);
    const notes = rest.filter((node) => node instanceof Element && node.slot === 'note');
    const parts: Node[] = [];
    if (this.#steps.length > 1) parts.push(this.#slider());
    const legend = this.getAttribute('legend');
    if (legend) parts.push(legendOf(readLegend(legend), langOf(this), this.#words));
    parts.push(...notes);
    for (const name of ['disclaimer', 'attribution']) {
      const text = this.getAttribute(name);
      if (text) parts.push(make('p', name, text));
    }
    const fallback = make('details', 'fallback');
    fallback.append(make('summary', '', this.#words.fallback));
    fallback.append(...rest.filter((node) => !notes.includes(node)));
    if (fallback.querySelector('*:not(summary)')) parts.push(fallback);
    this.append(...parts);
    frame.append(this.#zoom(view));
  }

  #zoom(view: MapView): HTMLElement {
    const box = make('div', 'map-zoom');
    const add = (text: string, label: string, act: () => void): void => {
      const button = make('button', '', text);
      button.type = 'button';
      button.setAttribute('aria-label', label);
      button.title = label;
      button.addEventListener('click', act);
      box.append(button);
    };
    add('+', this.#words.zoomIn, () => view.zoomBy(1));
    add('\u2212', this.#words.zoomOut, () => view.zoomBy(-1));
    add('⤢', this.#words.whole, () => view.home());
    return box;
  }

  #slider(): HTMLElement {
    const words = this.#words;
    const box = make('div', 'map-steps');
    const play = (this.#play = make('button', 'play', words.play));
    play.type = 'button';
    play.addEventListener('click', () => (this.#timer === null ? this.play() : this.pause()));
    const range = (this.#range = make('input', ''));
    Object.assign(range, { type: 'range', min: '0', max: String(this.#steps.length - 1), step: '1' });
    range.setAttribute('aria-label', words.step);
    range.addEventListener('input', () => {
      this.pause();
      this.#show(Number(range.value), true);
    });
    this.#label = make('output', 'step-label');
    this.#live = make('span', 'visually-hidden');
    this.#live.setAttribute('aria-live', 'polite');
    const ends = make('p', 'step-ends');
    ends.append(
      make('span', '', this.#steps[0]!.label),
      make('span', 'step-keys', words.keys),
      make('span', '', this.#steps.at(-1)!.label),
    );
    box.append(play, range, this.#label, ends, this.#live);
    this.addEventListener('keydown', (event) => this.#key(event));
    this.#mark();
    return box;
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as Element;
    // On the map the arrows pan; in a table or link they belong to the page.
    if (!target.closest('.map-steps') || event.ctrlKey || event.altKey || event.metaKey) return;
    const next = stepForKey(event.key, this.#index, this.#steps.length);
    if (next === null) return;
    event.preventDefault();
    this.pause();
    this.#show(next, true);
  }

  /** Play forward. With reduced motion asked for, one press moves one step. */
  play(): void {
    const count = this.#steps.length;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this.#show(nextWhilePlaying(this.#index, count) ?? 0, true);
      return;
    }
    this.#show(startOfPlay(this.#index, count), false);
    const tick = async (): Promise<void> => {
      const next = nextWhilePlaying(this.#index, count);
      if (next === null || this.#timer === null) return this.pause();
      await this.#show(next, false);
      if (this.#timer !== null) this.#timer = window.setTimeout(() => void tick(), PLAY_EVERY_MS);
    };
    this.#timer = window.setTimeout(() => void tick(), PLAY_EVERY_MS);
    this.#mark();
  }

  pause(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#mark();
    // Said once at rest: a voice reading 128 months aloud would help nobody.
    if (this.#live) this.#live.textContent = this.#steps[this.#index]?.label ?? '';
  }

  async #show(index: number, announce: boolean): Promise<void> {
    const step = this.#steps[index];
    if (!step || !this.#view) return;
    this.#index = index;
    this.#mark();
    if (announce && this.#live) this.#live.textContent = step.label;
    this.#remember(step);
    this.dispatchEvent(
      new CustomEvent('ec-step', { detail: { index, label: step.label }, bubbles: true }),
    );
    await this.#view.showTiles(sameOrigin(step.tiles));
  }

  /** The address, and the link to the other language, hold the step shown. */
  #remember(step: Step): void {
    const name = this.getAttribute('step-param');
    if (!name || step.key === undefined) return;
    history.replaceState(history.state, '', withParameter(location.href, name, step.key));
    for (const link of document.querySelectorAll<HTMLAnchorElement>('.lang-switch a')) {
      link.href = withParameter(link.href, name, step.key);
    }
  }

  #mark(): void {
    const label = this.#steps[this.#index]?.label ?? '';
    if (this.#range) {
      this.#range.value = String(this.#index);
      this.#range.setAttribute('aria-valuetext', label);
    }
    if (this.#label) this.#label.textContent = label;
    if (this.#play) {
      const playing = this.#timer !== null;
      this.#play.textContent = playing ? this.#words.pause : this.#words.play;
    }
  }
}

export type Bounds = [west: number, south: number, east: number, north: number];

/** `west,south,east,north`; west > east crosses the antimeridian. @throws Error when it is not. */
export function boundsOf(text: string | null): Bounds | null {
  if (!text) return null;
  const [west, south, east, north, ...more] = text.split(',').map(Number);
  const good = [west, south, east, north].every((v) => Number.isFinite(v));
  if (!good || more.length > 0 || south! >= north!) throw new Error(`bounds are not w,s,e,n: ${text}`);
  return [west!, south!, west! > east! ? east! + 360 : east!, north!];
}
