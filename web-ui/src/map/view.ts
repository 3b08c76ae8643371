/** The MapLibre side of `<ec-map>`: our boundaries as basemap, tiles between land and lines. */

import { Map as LibreMap, setWorkerUrl, type LngLatBoundsLike, type StyleSpecification } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { fillOf, numberText, type Choropleth } from '../breaks';
import { sameOrigin } from '../same-origin';
import type { Words } from '../words';
import type { Bounds } from './element';

setWorkerUrl(new URL(workerUrl, import.meta.url).href);

type Feature = GeoJSON.Feature<GeoJSON.Geometry | null, GeoJSON.GeoJsonProperties>;
type Features = GeoJSON.FeatureCollection<GeoJSON.Geometry, GeoJSON.GeoJsonProperties>;

export interface MapOptions {
  regions: unknown;
  lines: unknown;
  tiles: string | null;
  tileBounds: Bounds | null;
  tileMaxZoom: number;
  bounds: Bounds | null;
  region: string | null;
  choropleth: Choropleth | null;
  lang: string;
  words: Words;
  onSelect: (id: string, name: string) => void;
}

export interface MapView {
  showTiles(template: string): Promise<void>;
  paint(choropleth: Choropleth | null): void;
  highlight(region: string | null): void;
  zoomBy(levels: number): void;
  home(): void;
}

const WORLD: Bounds = [-179.9, -58, 179.9, 80];
/** Layers whose features have a name to show and a page to lead to; the uppermost wins. */
const CLICKABLE = ['places', 'land'];
const INKS = ['water', 'land', 'line', 'hatch', 'accent'] as const;
type Inks = Record<(typeof INKS)[number], string>;

function inksOf(element: Element): Inks {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(`--map-${name}`).trim();
  return Object.fromEntries(INKS.map((name) => [name, read(name)])) as Inks;
}

/** Region name in the page's language: `name_zh`, `names.zh` or `name`. */
function nameOf(properties: GeoJSON.GeoJsonProperties, lang: string): string {
  const short = lang.slice(0, 2);
  const names = properties?.['names'] as Record<string, string> | undefined;
  return String(names?.[short] ?? properties?.[`name_${short}`] ?? properties?.['name'] ?? '');
}

/** Boundaries with what drawing needs written on each: id, name, fill, kind. */
function painted(regions: unknown, map: Choropleth | null, lang: string): Features {
  const features = ((regions as { features?: Feature[] }).features ?? []).filter((f) => f.geometry);
  return {
    type: 'FeatureCollection',
    features: features.map((feature) => {
      const id = String(feature.id ?? feature.properties?.['id'] ?? '');
      const fill = map ? fillOf(id, map) : null;
      const properties = {
        id,
        name: nameOf(feature.properties, lang),
        // A named place is a box on the sea or a point: outlined, never painted as land.
        kind: feature.properties?.['kind'] === 'place' ? 'place' : (fill?.kind ?? 'plain'),
        fill: fill?.kind === 'value' ? fill.colour : 'transparent',
      };
      return { type: 'Feature', geometry: feature.geometry!, properties };
    }),
  };
}

/** Grey diagonal hatch that repeats without a seam. */
function hatch(colour: string): ImageData {
  const size = 16;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const pen = canvas.getContext('2d')!;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.6;
  for (let at = -size; at <= 2 * size; at += size / 2) {
    pen.beginPath();
    pen.moveTo(at, size + 2);
    pen.lineTo(at + size + 4, -2);
    pen.stroke();
  }
  return pen.getImageData(0, 0, size, size);
}

function styleOf(options: MapOptions, inks: Inks): StyleSpecification {
  const kind = (name: string) => ['==', ['get', 'kind'], name] as ['==', ['get', string], string];
  return {
    version: 8,
    sources: {
      regions: {
        type: 'geojson',
        data: painted(options.regions, options.choropleth, options.lang),
      },
      lines: {
        type: 'geojson',
        data: (options.lines ?? { type: 'FeatureCollection', features: [] }) as Features,
      },
    },
    layers: [
      { id: 'water', type: 'background', paint: { 'background-color': inks.water } },
      {
        id: 'land',
        type: 'fill',
        source: 'regions',
        filter: ['!=', ['get', 'kind'], 'place'],
        paint: { 'fill-color': inks.land },
      },
      {
        id: 'values',
        type: 'fill',
        source: 'regions',
        filter: kind('value'),
        paint: { 'fill-color': ['get', 'fill'] },
      },
      {
        id: 'missing',
        type: 'fill',
        source: 'regions',
        filter: kind('missing'),
        paint: { 'fill-pattern': 'hatch' },
      },
      {
        id: 'outlines',
        type: 'line',
        source: 'regions',
        filter: ['!', ['in', ['get', 'kind'], ['literal', ['withheld', 'place']]]],
        layout: { 'line-join': 'round' },
        paint: {
          'line-color': inks.line,
          'line-width': ['interpolate', ['linear'], ['zoom'], 0, 0.4, 4, 1],
        },
      },
      {
        id: 'withheld',
        type: 'line',
        source: 'regions',
        filter: kind('withheld'),
        paint: { 'line-color': inks.accent, 'line-width': 2, 'line-dasharray': [1, 1.5] },
      },
      {
        id: 'places',
        type: 'fill',
        source: 'regions',
        filter: kind('place'),
        paint: { 'fill-color': inks.accent, 'fill-opacity': 0.02 },
      },
      {
        id: 'place-lines',
        type: 'line',
        source: 'regions',
        filter: kind('place'),
        paint: { 'line-color': inks.accent, 'line-width': 2, 'line-dasharray': [4, 1.5] },
      },
      {
        id: 'disputed',
        type: 'line',
        source: 'lines',
        paint: { 'line-color': inks.line, 'line-width': 1.2, 'line-dasharray': [3, 2] },
      },
      {
        id: 'region',
        type: 'line',
        source: 'regions',
        filter: ['==', ['get', 'id'], options.region ?? ''],
        paint: { 'line-color': inks.accent, 'line-width': 2.5 },
      },
    ],
  };
}

/** Tiles in two layers in turn: the new step shows once it has come, so playing never flashes. */
class Tiles {
  #turn = 0;
  #shown: string | null = null;
  #wanted = '';

  constructor(
    readonly map: LibreMap,
    readonly options: MapOptions,
  ) {}

  async show(template: string): Promise<void> {
    this.#wanted = template;
    const id = `tiles-${this.#turn++}`;
    const bounds = this.options.tileBounds;
    this.map.addSource(id, {
      type: 'raster',
      tiles: [template],
      tileSize: 256,
      maxzoom: this.options.tileMaxZoom,
      ...(bounds ? { bounds } : {}),
    });
    this.map.addLayer(
      {
        id,
        type: 'raster',
        source: id,
        // Cells are shown as they are: smoothing would draw detail nobody measured.
        paint: { 'raster-resampling': 'nearest', 'raster-fade-duration': 0, 'raster-opacity': 0 },
      },
      'outlines',
    );
    await this.#arrived(id);
    if (this.#wanted !== template) return this.#drop(id);
    this.map.setPaintProperty(id, 'raster-opacity', 1);
    if (this.#shown) this.#drop(this.#shown);
    this.#shown = id;
  }

  #arrived(id: string): Promise<void> {
    return new Promise((done) => {
      const settle = (): void => {
        clearTimeout(limit);
        this.map.off('sourcedata', look);
        this.map.off('idle', settle);
        done();
      };
      const look = (): void => {
        if (this.map.getSource(id) && this.map.isSourceLoaded(id)) settle();
      };
      // A tile that never comes must not stop the slider.
      const limit = setTimeout(settle, 5000);
      this.map.on('sourcedata', look);
      // The last tile may come without a further event of its source: at rest all have come.
      this.map.on('idle', settle);
    });
  }

  #drop(id: string): void {
    if (this.map.getLayer(id)) this.map.removeLayer(id);
    if (this.map.getSource(id)) this.map.removeSource(id);
  }
}

function tipOn(map: LibreMap, options: MapOptions, current: () => Choropleth | null): void {
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  map.getContainer().append(tip);
  map.on('mousemove', CLICKABLE, (event) => {
    const found = event.features?.[0]?.properties;
    tip.hidden = !found?.['name'];
    if (!found || tip.hidden) return;
    const choropleth = current();
    const value = choropleth?.values[String(found['id'])];
    let text = String(found['name']);
    if (found['kind'] === 'withheld') text += `: ${options.words.withheld}`;
    else if (choropleth && typeof value === 'number') {
      text += `: ${numberText(value, options.lang, choropleth.digits)}\u2009${choropleth.unit ?? ''}`;
    } else if (choropleth) text += `: ${options.words.missing}`;
    tip.textContent = text.trimEnd();
    const width = map.getContainer().clientWidth;
    tip.style.left = `${Math.min(event.point.x + 12, width - tip.offsetWidth - 4)}px`;
    tip.style.top = `${event.point.y + 12}px`;
    map.getCanvas().style.cursor = 'pointer';
  });
  map.on('mouseleave', CLICKABLE, () => {
    tip.hidden = true;
    map.getCanvas().style.cursor = '';
  });
}

/** Make the map and wait until it has drawn. @throws Error when WebGL is missing. */
export async function openMap(place: HTMLElement, options: MapOptions): Promise<MapView> {
  let choropleth = options.choropleth;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const bounds = (options.bounds ?? WORLD) as LngLatBoundsLike;
  const map = new LibreMap({
    container: place,
    style: styleOf(options, inksOf(place)),
    bounds,
    attributionControl: false,
    // Paper takes the picture as it stands.
    canvasContextAttributes: { preserveDrawingBuffer: true },
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
    // Wheel and one finger scroll the page past the map; Ctrl and two fingers move the map.
    cooperativeGestures: true,
    locale: {
      'CooperativeGesturesHandler.WindowsHelpText': options.words.wheelHelp,
      'CooperativeGesturesHandler.MacHelpText': options.words.wheelHelpMac,
      'CooperativeGesturesHandler.MobileHelpText': options.words.touchHelp,
      'Map.Title': options.words.map,
    },
    maxZoom: 14,
    // A second guard behind the first: MapLibre itself may ask this host only.
    transformRequest: (url) => ({ url: url.startsWith('blob:') ? url : sameOrigin(url) }),
  });
  map.touchZoomRotate.disableRotation();
  map.getCanvas().setAttribute('role', 'application');
  const addHatch = (): void => {
    if (map.hasImage('hatch')) map.removeImage('hatch');
    map.addImage('hatch', hatch(inksOf(place).hatch), { pixelRatio: 2 });
  };
  map.setMissingStyleImageResolver(async () => addHatch());
  await new Promise<void>((done, fail) => {
    map.once('load', () => done());
    map.once('error', (event) => fail(event.error));
  });
  map.on('error', (event) => console.warn('ec-map', event.error));
  const tiles = new Tiles(map, options);
  tipOn(map, options, () => choropleth);
  map.on('click', CLICKABLE, (event) => {
    const found = event.features?.[0]?.properties;
    if (found?.['id']) options.onSelect(String(found['id']), String(found['name']));
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    const inks = inksOf(place);
    addHatch();
    map.setPaintProperty('water', 'background-color', inks.water);
    map.setPaintProperty('land', 'fill-color', inks.land);
    for (const id of ['outlines', 'disputed']) map.setPaintProperty(id, 'line-color', inks.line);
    map.setPaintProperty('places', 'fill-color', inks.accent);
    for (const id of ['withheld', 'region', 'place-lines']) map.setPaintProperty(id, 'line-color', inks.accent);
  });
  if (options.tiles) await tiles.show(options.tiles);
  return {
    showTiles: (template) => tiles.show(template),
    paint(next) {
      choropleth = next;
      const source = map.getSource('regions') as unknown as { setData(data: Features): void };
      source.setData(painted(options.regions, next, options.lang));
    },
    highlight: (region) => void map.setFilter('region', ['==', ['get', 'id'], region ?? '']),
    zoomBy: (levels) => void map.zoomTo(map.getZoom() + levels, { duration: still ? 0 : 250 }),
    home: () => void map.fitBounds(bounds, { duration: still ? 0 : 400 }),
  };
}
