/**
 * `<ec-upload>` around a form with files: each file goes up by tus in pieces that resume after an
 * interruption, with pause and cancel; then the drafts are begun, or the files join the draft. A file
 * chosen again after the page was closed goes on where it stopped. Without scripts the form inside
 * sends the same in one go.
 */

import { sameOrigin } from './same-origin';
import { Unfinished } from './unfinished';
import { langOf, wordsFor, type Words } from './words';

const PIECE = 8 * 2 ** 20;
const TRIES = 5;
const LIVES_MS = 24 * 3600 * 1000;
const TUS = { 'Tus-Resumable': '1.0.0' } as const;

type State = 'going' | 'paused' | 'cancelled';

export class RefusedError extends Error {}

/** The node knows of no such upload any more. */
class GoneError extends Error {}

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
  // What is refused is told in the language of the page.
  const headers = { ...(init.headers as Record<string, string>), 'Accept-Language': document.documentElement.lang || 'en' };
  return fetch(sameOrigin(address), { ...init, headers, credentials: 'same-origin', redirect: 'error' });
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
  /** Bytes that were here from before this page was opened. */
  resumed = 0;
  #address = '';
  #key = '';
  #abort = new AbortController();
  #wake: () => void = () => undefined;

  constructor(
    readonly file: File,
    readonly progress: () => void,
    readonly unfinished: Unfinished | null = null,
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
    this.forget();
    if (this.#address) await ask(this.#address, { method: 'DELETE', headers: TUS }).catch(() => undefined);
  }

  /** Nothing is left to go on with: it is cancelled, or what it was sent for is done. */
  forget(): void {
    if (this.#key) this.unfinished?.forget(this.#key);
  }

  async send(): Promise<string> {
    let failed = 0;
    let anew = 0;
    this.#key = (await this.unfinished?.fileKey(this.file, nameOf(this.file)).catch(() => '')) ?? '';
    if (!this.unfinished?.claim(this.#key)) this.#key = '';
    const known = this.#key && this.unfinished?.find(this.#key);
    if (known) {
      this.#address = `/api/uploads/${known}`;
      this.#known = this.#stale = true;
    }
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
        if (error instanceof GoneError && anew < 2) {
          anew += 1;
          this.#drop();
          continue;
        }
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
  #known = false;

  /** Forget an upload that is not there any more; the next turn begins another. */
  #drop(): void {
    this.forget();
    this.#address = '';
    this.#stale = this.#known = false;
    this.sent = this.resumed = 0;
    this.progress();
  }

  #keep(answer: Response): void {
    if (!this.#key) return;
    const until = Date.parse(answer.headers.get('Upload-Expires') ?? '');
    this.unfinished?.keep(this.#key, this.id, Number.isNaN(until) ? Date.now() + LIVES_MS : until);
  }

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
    this.#stale = false;
    this.#keep(answer);
  }

  /** Ask how far the upload is after an interruption. */
  async #find(): Promise<void> {
    const answer = await ask(this.#address, { method: 'HEAD', headers: TUS, signal: this.#abort.signal });
    if (answer.status === 404 || answer.status === 410) throw new GoneError(String(answer.status));
    if (!answer.ok) throw new Error(String(answer.status));
    // What is remembered is for this file only if the node expects as many bytes.
    if (this.#known && answer.headers.get('Upload-Length') !== String(this.file.size)) throw new GoneError('length');
    this.#stale = false;
    this.#moved(answer);
    if (this.#known) {
      this.resumed = this.sent;
      this.#known = false;
      this.progress();
    }
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
    if (answer.status === 404 || answer.status === 410) throw new GoneError(String(answer.status));
    if (answer.status >= 400 && answer.status < 500) throw new RefusedError(await reason(answer));
    if (!answer.ok) throw new Error(String(answer.status));
    this.#moved(answer);
  }

  #moved(answer: Response): void {
    const offset = Number(answer.headers.get('Upload-Offset'));
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.file.size) throw new Error('Upload-Offset');
    this.sent = offset;
    this.#keep(answer);
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
    void this.#sayUnfinished(form);
  }

  /** Tell who comes back that uploads wait here for their files. */
  async #sayUnfinished(form: HTMLFormElement): Promise<void> {
    const waiting = (await Unfinished.of(this.getAttribute('account') ?? ''))?.count ?? 0;
    if (waiting === 0) return;
    const said = line('status', wordsFor(langOf(this)).uploadUnfinished.replace('{n}', String(waiting)));
    said.classList.add('unfinished');
    (form.querySelector('.drop') ?? form).append(said);
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
    for (const old of this.querySelectorAll('.upload, .unfinished')) old.remove();
    const unfinished = await Unfinished.of(this.getAttribute('account') ?? '');
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
    this.#sendings = files.map((file) => row(list, file, words, tell, unfinished));
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

  /** The node has taken the files: there is nothing to go on with. */
  #done(): void {
    for (const each of this.#sendings) each.forget();
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
      this.#done();
      await posted(`${at}/look`, null);
      location.assign(sameOrigin(done));
      return;
    }
    const data = new FormData(form);
    const text = (name: string): string => String(data.get(name) ?? '').trim();
    const body: Record<string, unknown> = { collection: text('new_collection') || text('collection'), files };
    if (text('group')) body['group'] = text('group');
    const title = Object.fromEntries(
      ['en', 'zh'].map((lang) => [lang, text(`collection_title.${lang}`)]).filter(([, said]) => said),
    );
    if (text('new_collection') && Object.keys(title).length) body['metadata'] = { collection_title: title };
    const made = (await posted('/api/drafts/from-uploads', body)) as {
      drafts: { id: string }[];
      refused: { source: string; code: string; message: string }[];
    };
    this.#done();
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

function row(list: HTMLElement, file: File, words: Words, tell: () => void, unfinished: Unfinished | null): Sending {
  const entry = document.createElement('li');
  const name = document.createElement('span');
  name.textContent = nameOf(file);
  const bar = document.createElement('progress');
  bar.max = Math.max(file.size, 1);
  bar.value = 0;
  bar.setAttribute('aria-label', nameOf(file));
  const sending = new Sending(
    file,
    () => {
      bar.value = sending.sent;
      buttons.hidden = sending.sent >= file.size;
      const percent = Math.floor((100 * sending.resumed) / Math.max(file.size, 1));
      note.textContent = sending.resumed > 0 ? words.uploadResumed.replace('{n}', String(percent)) : '';
      tell();
    },
    unfinished,
  );
  const note = document.createElement('small');
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
  entry.append(name, buttons, bar, note);
  list.append(entry);
  return sending;
}
