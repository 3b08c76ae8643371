/**
 * Uploads this browser has begun and not finished, so that a file chosen again after a reload goes on
 * where it stopped. Kept are digests, ids that only the account they belong to can use, and times;
 * no name of a file or an account.
 */

const KEY = 'ec-uploads-';
const END = 64 * 1024;
const MOST = 100;

interface Entry {
  /** Id of the upload. */
  id: string;
  /** When the node forgets it, in milliseconds since 1970. */
  until: number;
}

async function digestOf(data: BlobPart[]): Promise<string> {
  const bytes = await new Blob(data).arrayBuffer();
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('').slice(0, 32);
}

export class Unfinished {
  readonly #claimed = new Set<string>();

  private constructor(private readonly key: string) {}

  /** Those of an account; null where this browser offers no digests (plain http) or no storage. */
  static async of(account: string): Promise<Unfinished | null> {
    // Both are absent, or throw when touched, where a page is not trusted with them.
    try {
      if (!account || !globalThis.crypto?.subtle || !globalThis.localStorage) return null;
      return new Unfinished(KEY + (await digestOf([account])));
    } catch {
      return null;
    }
  }

  /** What a file is known by: its name, size, time, and the bytes at both ends. */
  async fileKey(file: File, name: string): Promise<string> {
    const facts = JSON.stringify([name, file.size, file.lastModified]);
    return digestOf([facts, file.slice(0, END), file.slice(Math.max(file.size - END, 0))]);
  }

  /** Whether nothing else goes on with a file here: the same one chosen twice is two uploads. */
  claim(file: string): boolean {
    const free = !this.#claimed.has(file);
    this.#claimed.add(file);
    return free;
  }

  find(file: string): string {
    return this.#read()[file]?.id ?? '';
  }

  keep(file: string, id: string, until: number): void {
    const entries = { ...this.#read(), [file]: { id, until } };
    const newest = Object.entries(entries).sort(([, a], [, b]) => b.until - a.until);
    this.#write(Object.fromEntries(newest.slice(0, MOST)));
  }

  forget(file: string): void {
    const { [file]: _, ...rest } = this.#read();
    this.#write(rest);
  }

  get count(): number {
    return Object.keys(this.#read()).length;
  }

  #read(): Record<string, Entry> {
    try {
      const found = JSON.parse(localStorage.getItem(this.key) ?? '{}') as Record<string, Entry>;
      const now = Date.now();
      return Object.fromEntries(
        Object.entries(found).filter(([, entry]) => /^[\w-]{1,100}$/.test(entry?.id) && entry.until > now),
      );
    } catch {
      return {};
    }
  }

  #write(entries: Record<string, Entry>): void {
    try {
      if (Object.keys(entries).length) localStorage.setItem(this.key, JSON.stringify(entries));
      else localStorage.removeItem(this.key);
    } catch {
      // Full or forbidden: the upload goes on, only a reload begins it anew.
    }
  }
}
