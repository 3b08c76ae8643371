/** The legend as HTML: classes with unit, breaks and n; no-data hatch and withheld outline named. */

import { classLabels, problemOf, type Classes } from '../breaks';
import type { Words } from '../words';

export interface Legend {
  title?: string;
  unit?: string;
  n?: number;
  missing?: boolean;
  withheld?: boolean;
  breaks?: readonly number[];
  colours?: readonly string[];
  /** Named classes instead of breaks: land cover and other categories. */
  items?: readonly { label: string; colour: string }[];
}

export function readLegend(text: string): Legend {
  const legend = JSON.parse(text) as Legend;
  if (!legend.items) {
    const problem = problemOf({ breaks: legend.breaks ?? [], colours: legend.colours ?? [] });
    if (problem) throw new Error(`legend: ${problem}`);
  }
  return legend;
}

export function legendOf(legend: Legend, lang: string, words: Words): HTMLElement {
  const box = document.createElement('div');
  box.className = 'legend';
  const head = document.createElement('p');
  head.className = 'legend-title';
  head.textContent = legend.title ?? '';
  if (legend.unit) {
    const unit = document.createElement('span');
    unit.className = 'unit';
    unit.textContent = ` ${legend.unit}`;
    head.append(unit);
  }
  if (legend.n !== undefined) head.append(` · n = ${legend.n}`);
  const list = document.createElement('ul');
  const items = legend.items ?? itemsOf(legend as Classes, lang);
  items.forEach(({ label, colour }) => list.append(entry(label, '', colour)));
  if (legend.missing !== false) list.append(entry(words.missing, 'hatch'));
  if (legend.withheld) list.append(entry(words.withheld, 'dotted'));
  box.append(head, list);
  return box;
}

function itemsOf(classes: Classes, lang: string): { label: string; colour: string }[] {
  return classLabels(classes, lang).map((label, i) => ({ label, colour: classes.colours[i]! }));
}

function entry(label: string, kind: string, colour?: string): HTMLLIElement {
  const item = document.createElement('li');
  const swatch = document.createElement('i');
  swatch.className = `swatch ${kind}`.trim();
  if (colour) swatch.style.backgroundColor = colour;
  item.append(swatch, label);
  return item;
}
