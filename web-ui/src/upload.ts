/**
 * `<ec-upload>` around a form with files: each file goes up by tus in pieces that resume after an
 * interruption, with pause and cancel; then the drafts are begun, or the files join the draft.
 * Without scripts the form inside sends the same in one go.
 */

import { sameOrigin } from './same-origin';
import { langOf, wordsFor, type Words } from './words';

const PIECE = 8 * 2 ** 20;
const TRIES = 5;
const TUS = { 'Tus-Resumable': '1.0.0' } as const;

type State = 'going' | 'paused' | 'cancelled';

export class RefusedError extends Error {}

/** tus metadata: pairs of a name and its value in base64. */
export function uploadMetadata(name: string): string {
  const bytes = new TextEncoder().encode(name);
  return `filename ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`;
}

/** Name of a chosen file with the folders it came from. */
export function nameOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

async function ask(address: string, init: RequestInit): Promise<Response> {
  return fetch(sameOrigin(address), { ...init, credentials: 'same-origin', redirect: 'error' });
}

/** What the server says is wrong, in one line. */
async function reason(answer: Response): Promise<string> {
  try {
    const body = (await answer.json()) as Record<string, unknown>;
    return String(body['detail'] ?? body['title'] ?? answer.status);
  } catch {
    return String(answer.status);
  }
}

/** One file on its way; `send` resolves to its id once every byte is there. */
export class Sending {
  state: State = 'going';
  sent = 0;
  #address = '';
  #abort = new AbortController();
  #wake: () => void = () => undefined;

  constructor(
    readonly file: File,
    readonly progress: () => void,
  ) {}

  get id(): string {
    return this.#address.slice(this.#address.lastIndexOf('/') + 1);
  }

  pause(): void {
    if (this.state !== 'going') return;
    this.state = 'paused';
    this.#abort.abort();
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'going';
    this.#wake();
  }

  async cancel(): Promise<void> {
    this.state = 'cancelled';
    this.#abort.abort();
    this.#wake();
    if (this.#address) await ask(this.#address, { method: 'DELETE', headers: TUS }).catch(() => undefined);
  }

  async send(): Promise<string> {
    let failed = 0;
    while (this.state !== 'cancelled') {
      if (this.state === 'paused') {
        await new Promise<void>((wake) => (this.#wake = wake));
        continue;
      }
      this.#abort = new AbortController();
      try {
        if (!this.#address) await this.#begin();
        else if (failed > 0 || this.#stale) await this.#find();
        while (this.sent < this.file.size) {
          await this.#piece();
          failed = 0;
        }
        return this.id;
      } catch (error) {
        this.#stale = true;
        if (error instanceof RefusedError) throw error;
        // Paused or cancelled on purpose: not a failure.
        if (this.state !== 'going') continue;
        failed += 1;
        if (failed >= TRIES) throw error;
        await new Promise((wake) => setTimeout(wake, 500 * 2 ** failed));
      }
    }
    throw new RefusedError('cancelled');
  }

  #stale = false;

  async #begin(): Promise<void> {
    const answer = await ask('/api/uploads', {
      method: 'POST',
      headers: { ...TUS, 'Upload-Length': String(this.file.size), 'Upload-Metadata': uploadMetadata(this.file.name) },
      signal: this.#abort.signal,
    });
    if (answer.status >= 400 && answer.status < 500) throw new RefusedError(await reason(answer));
    if (!answer.ok) throw new Error(String(answer.status));
    // The node may know itself by another host name than this page: only the path counts.
    this.#address = new URL(answer.headers.get('Location') ?? '', document.baseURI).pathname;
  }

  /** Ask how far the upload is after an interruption. */
  async #find(): Promise<void> {
    const answer = await ask(this.#address, { method: 'HEAD', headers: TUS, signal: this.#abort.signal });
    if (answer.status === 404 || answer.status === 410) throw new RefusedError(String(answer.status));
    if (!answer.ok) throw new Error(String(answer.status));
    this.#stale = false;
    this.#moved(answer);
  }

  async #piece(): Promise<void> {
    const body = this.file.slice(this.sent, this.sent + PIECE);
    const answer = await ask(this.#address, {
      method: 'PATCH',
      headers: { ...TUS, 'Upload-Offset': String(this.sent), 'Content-Type': 'application/offset+octet-stream' },
      body,
      signal: this.#abort.signal,
    });
    if (answer.status === 409) throw new Error('409');
    if (answer.status >= 400 && answer.status < 500) throw new RefusedError(await reason(answer));
    if (!answer.ok) throw new Error(String(answer.status));
    this.#moved(answer);
  }

  #moved(answer: Response): void {
    const offset = Number(answer.headers.get('Upload-Offset'));
    if (!Number.isSafeInteger(offset) || offset < 0) throw new Error('Upload-Offset');
    this.sent = offset;
    this.progress();
  }
}

export class EcUpload extends HTMLElement {
  #sendings: Sending[] = [];

  connectedCallback(): void {
    const form = this.querySelector('form');
    if (!form || this.dataset.state) return;
    form.addEventListener('submit', (event) => {
      const files = this.#files(form);
      // Nothing chosen: the server says what is missing, in the form.
      if (files.length === 0) return;
      event.preventDefault();
      void this.#go(form, files);
    });
    this.#droppable(form);
    this.dataset.state = 'ready';
  }

  #files(form: HTMLFormElement): File[] {
    const inputs = Array.from(form.querySelectorAll<HTMLInputElement>('input[type=file]'));
    return inputs.flatMap((input) => Array.from(input.files ?? []));
  }

  #droppable(form: HTMLFormElement): void {
    const place = form.querySelector<HTMLElement>('.drop') ?? form;
    const input = form.querySelector<HTMLInputElement>('input[type=file]:not([webkitdirectory])');
    place.addEventListener('dragover', (event) => {
      event.preventDefault();
      place.dataset.over = '';
    });
    place.addEventListener('dragleave', () => delete place.dataset.over);
    place.addEventListener('drop', (event) => {
      event.preventDefault();
      delete place.dataset.over;
      if (input && event.dataTransfer?.files.length) input.files = event.dataTransfer.files;
    });
  }

  async #go(form: HTMLFormElement, files: File[]): Promise<void> {
    const words = wordsFor(langOf(this));
    const button = form.querySelector<HTMLButtonElement>('button:not([name])');
    button?.setAttribute('aria-busy', 'true');
    this.querySelector('.upload')?.remove();
    const box = document.createElement('div');
    box.className = 'upload';
    const said = line('status', '');
    const list = document.createElement('ul');
    list.className = 'upload-list';
    box.append(said, list);
    this.append(box);
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const tell = (): void => {
      const sent = this.#sendings.reduce((sum, each) => sum + each.sent, 0);
      said.textContent = `${words.uploading} ${Math.floor((100 * sent) / Math.max(total, 1))}\u2009%`;
    };
    this.#sendings = files.map((file) => row(list, file, words, tell));
    tell();
    try {
      const sent: { upload: string; name: string }[] = [];
      for (const each of this.#sendings) {
        if (each.state === 'cancelled') continue;
        try {
          sent.push({ upload: await each.send(), name: nameOf(each.file) });
        } catch (error) {
          if ((each.state as State) !== 'cancelled') throw error;
        }
      }
      if (sent.length === 0) {
        said.textContent = words.uploadNone;
        return;
      }
      said.textContent = words.uploadReading;
      await this.#finish(form, sent, box, words);
    } catch (error) {
      box.append(line('alert', `${words.uploadFailed} (${error instanceof Error ? error.message : String(error)})`));
    } finally {
      button?.removeAttribute('aria-busy');
    }
  }

  /** The bytes are there: begin drafts of them, or put them into the draft this stands on. */
  async #finish(form: HTMLFormElement, files: { upload: string; name: string }[], box: HTMLElement, words: Words): Promise<void> {
    const draft = this.getAttribute('draft');
    const done = this.getAttribute('done') ?? '';
    if (draft) {
      const at = `/api/drafts/${encodeURIComponent(draft)}`;
      for (const { upload, name } of files) {
        await posted(`${at}/files`, { upload, name: name.slice(name.lastIndexOf('/') + 1) });
      }
      await posted(`${at}/look`, null);
      location.assign(sameOrigin(done));
      return;
    }
    const data = new FormData(form);
    const text = (name: string): string => String(data.get(name) ?? '').trim();
    const body: Record<string, unknown> = { collection: text('new_collection') || text('collection'), files };
    if (text('group')) body['group'] = text('group');
    const made = (await posted('/api/drafts/from-uploads', body)) as {
      drafts: { id: string }[];
      refused: { source: string; code: string; message: string }[];
    };
    const next = `${done}?new=${made.drafts.map((each) => each.id).join(',')}`;
    if (made.refused.length === 0) {
      location.assign(sameOrigin(next));
      return;
    }
    const list = document.createElement('ul');
    for (const each of made.refused) {
      const entry = document.createElement('li');
      entry.textContent = `${each.source}: ${each.message} (${each.code})`;
      list.append(entry);
    }
    const link = document.createElement('a');
    link.className = 'button primary';
    link.href = sameOrigin(made.drafts.length ? next : done);
    link.textContent = `${words.uploadDrafts} ${made.drafts.length}`;
    box.replaceChildren(line('alert', words.uploadRefused), list, link);
  }
}

async function posted(address: string, body: unknown): Promise<unknown> {
  const init: RequestInit = { method: 'POST' };
  if (body !== null) {
    init.headers = { 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  const answer = await ask(address, init);
  if (!answer.ok) throw new Error(await reason(answer));
  return answer.json();
}

function line(role: 'status' | 'alert', text: string): HTMLElement {
  const made = document.createElement('p');
  made.className = role === 'alert' ? 'error' : 'status';
  made.setAttribute('role', role);
  made.textContent = text;
  return made;
}

function row(list: HTMLElement, file: File, words: Words, tell: () => void): Sending {
  const entry = document.createElement('li');
  const name = document.createElement('span');
  name.textContent = nameOf(file);
  const bar = document.createElement('progress');
  bar.max = Math.max(file.size, 1);
  bar.value = 0;
  bar.setAttribute('aria-label', nameOf(file));
  const sending = new Sending(file, () => {
    bar.value = sending.sent;
    if (sending.sent >= file.size) buttons.hidden = true;
    tell();
  });
  const buttons = document.createElement('span');
  const pause = document.createElement('button');
  pause.type = 'button';
  pause.textContent = words.pause;
  pause.addEventListener('click', () => {
    if (sending.state === 'paused') sending.resume();
    else sending.pause();
    pause.textContent = sending.state === 'paused' ? words.resume : words.pause;
  });
  const cancel = document.createElement('button');
  cancel.type = 'button';
  cancel.textContent = words.cancel;
  cancel.addEventListener('click', () => {
    void sending.cancel();
    entry.remove();
  });
  buttons.append(pause, ' ', cancel);
  entry.append(name, buttons, bar);
  list.append(entry);
  return sending;
}
