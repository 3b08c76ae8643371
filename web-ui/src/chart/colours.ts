/** Colours of marks, as a dark ground needs them. */

// Colours of marks that are too dark for a dark ground, and the same hues for it (Okabe and Ito 2008).
const ON_DARK: Record<string, string> = { '#0072b2': '#56b4e9', '#d55e00': '#f08a3c' };

/** The specification with colours that stand out from a dark ground; rows of data carry theirs too. */
export function onDark<T>(value: T): T {
  if (typeof value === 'string') return (ON_DARK[value.toLowerCase()] ?? value) as T;
  if (Array.isArray(value)) return value.map(onDark) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, onDark(each)])) as T;
}
