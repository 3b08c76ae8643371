/** Values to colours by class breaks: `breaks` are n + 1 ascending edges, `colours` are n. */

export interface Classes {
  breaks: readonly number[];
  colours: readonly string[];
}

export interface Choropleth extends Classes {
  values: Readonly<Record<string, number | null>>;
  /** Regions whose value exists but is withheld: dotted outline, no fill. */
  withheld?: readonly string[];
  unit?: string;
  digits?: number;
}

export type Fill = { kind: 'value'; colour: string } | { kind: 'missing' } | { kind: 'withheld' };

/** Say what is wrong with the classes, or null when they can be drawn. */
export function problemOf({ breaks, colours }: Classes): string | null {
  if (colours.length < 1) return 'no colours';
  if (breaks.length !== colours.length + 1) {
    return `${breaks.length} breaks need ${breaks.length - 1} colours, not ${colours.length}`;
  }
  for (let i = 1; i < breaks.length; i++) {
    if (!(breaks[i]! > breaks[i - 1]!)) return `breaks do not rise at position ${i}`;
  }
  return null;
}

/**
 * Index of the class holding `value`, or null when it is not finite.
 *
 * Classes are closed below and open above; values beyond the ends fall in the end classes.
 */
export function classOf(value: number, { breaks, colours }: Classes): number | null {
  if (!Number.isFinite(value)) return null;
  let index = 0;
  while (index < colours.length - 1 && value >= breaks[index + 1]!) index++;
  return index;
}

/** How a region is drawn. A region without an entry is missing, never zero. */
export function fillOf(id: string, map: Choropleth): Fill {
  if (map.withheld?.includes(id)) return { kind: 'withheld' };
  const value = map.values[id];
  if (value === null || value === undefined) return { kind: 'missing' };
  const index = classOf(value, map);
  return index === null ? { kind: 'missing' } : { kind: 'value', colour: map.colours[index]! };
}

/** Legend text of each class: a dash between numbers, a word where a minus sign would meet it. */
export function classLabels({ breaks }: Classes, lang: string): string[] {
  const texts = breaks.map((edge) => numberText(edge, lang));
  const word = lang.startsWith('zh') ? ' 至 ' : ' to ';
  const between = (breaks[0] ?? 0) < 0 ? word : '\u2009–\u2009';
  return texts.slice(1).map((high, i) => texts[i]! + between + high);
}

/** A number for people: grouping, true minus sign. */
export function numberText(value: number, lang: string, digits?: number): string {
  const options: Intl.NumberFormatOptions =
    digits === undefined
      ? { maximumSignificantDigits: 6 }
      : { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(lang, options).format(value).replace('-', '\u2212');
}
