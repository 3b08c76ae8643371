/** The slider's logic, without a document: where it stands and where a key takes it. */

export interface Step {
  label: string;
  tiles: string;
  /** What names the step in an address, such as 2015-11. */
  key?: string;
}

/** Read the `steps` attribute. @throws Error naming the entry that is not a step. */
export function readSteps(text: string): Step[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error('steps is not a list');
  return list.map((entry: unknown, i) => {
    const step = entry as Partial<Step> | null;
    if (typeof step?.label !== 'string' || typeof step.tiles !== 'string') {
      throw new Error(`step ${i} needs "label" and "tiles"`);
    }
    const { label, tiles, key } = step;
    return typeof key === 'string' ? { label, tiles, key } : { label, tiles };
  });
}

/** Index inside `[0, count - 1]`. */
export function clampStep(index: number, count: number): number {
  return Math.max(0, Math.min(count - 1, Math.trunc(Number.isFinite(index) ? index : 0)));
}

/** Where `key` leads from `index`; null when the key is not the slider's. */
export function stepForKey(key: string, index: number, count: number): number | null {
  switch (key) {
    case 'ArrowLeft':
      return clampStep(index - 1, count);
    case 'ArrowRight':
      return clampStep(index + 1, count);
    case 'PageDown':
      return clampStep(index - 12, count);
    case 'PageUp':
      return clampStep(index + 12, count);
    case 'Home':
      return 0;
    case 'End':
      return clampStep(count - 1, count);
    default:
      return null;
  }
}

/** The step that follows while playing; null at the end, where playing stops. */
export function nextWhilePlaying(index: number, count: number): number | null {
  return index + 1 < count ? index + 1 : null;
}

/** Where playing starts: at the end it begins again from the first. */
export function startOfPlay(index: number, count: number): number {
  return index >= count - 1 ? 0 : index;
}
