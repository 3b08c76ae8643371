/** "Why?" opens the trace in place; "Verify now" runs the check and shows what it says. */

import { fetchHere } from './same-origin';
import { langOf, wordsFor } from './words';

function status(text: string, failed = false): HTMLElement {
  const line = document.createElement('p');
  line.className = failed ? 'error' : 'status';
  line.setAttribute('role', failed ? 'alert' : 'status');
  line.textContent = text;
  return line;
}

/** The first element of an HTML answer, scripts taken out: the server's own words, never code. */
export function fragmentOf(html: string): DocumentFragment {
  const page = new DOMParser().parseFromString(html, 'text/html');
  page.querySelectorAll('script, style, link, meta, base').forEach((node) => node.remove());
  // A whole page was sent: its main part is what belongs here.
  const source = page.querySelector('main') ?? page.body;
  const fragment = document.createDocumentFragment();
  fragment.append(...Array.from(source.childNodes, (node) => document.importNode(node, true)));
  return fragment;
}

export async function openWhy(details: HTMLDetailsElement): Promise<void> {
  const address = details.dataset.why;
  if (!address || details.dataset.state === 'loading' || details.dataset.state === 'loaded') return;
  const words = wordsFor(langOf(details));
  details.querySelectorAll(':scope > .error').forEach((node) => node.remove());
  details.dataset.state = 'loading';
  const waiting = status(words.loading);
  details.append(waiting);
  try {
    const answer = await fetchHere(address, { headers: { Accept: 'text/html' } });
    const fragment = fragmentOf(await answer.text());
    // The plain link served readers without scripts; the trace now stands in its place.
    details.querySelectorAll(':scope > a, :scope > p > a:only-child').forEach((node) => node.remove());
    const trace = document.createElement('div');
    trace.className = 'trace';
    trace.append(fragment);
    details.append(trace);
    details.dataset.state = 'loaded';
  } catch (error) {
    details.append(status(`${words.whyFailed} (${reason(error)})`, true));
    details.dataset.state = 'failed';
  } finally {
    waiting.remove();
  }
}

/** What a check answered, as one text: plain text as sent, a verdict or a problem in words. */
export async function answerText(answer: Response, lang = 'en'): Promise<string> {
  const text = await answer.text();
  if (!/json/.test(answer.headers.get('content-type') ?? '')) return text.trim();
  const record = JSON.parse(text) as Record<string, unknown>;
  if (typeof record['agrees'] === 'boolean') return verdict(record, lang);
  const said = ['message', 'title', 'detail']
    .map((key) => record[key])
    .filter((value): value is string => typeof value === 'string' && value !== '');
  return said.length > 0 ? said.join(' ') : JSON.stringify(record, null, 1);
}

function verdict(record: Record<string, unknown>, lang: string): string {
  const words = wordsFor(lang);
  const said = (value: unknown): string =>
    typeof value === 'number' ? String(value).replace('-', '\u2212') : words.noValue;
  const lines = [
    record['agrees'] === true ? words.agrees : words.differs,
    `${words.stored} ${said(record['stored'])}`,
    `${words.computed} ${said(record['computed'])}`,
  ];
  if (typeof record['inputs_checked'] === 'number') {
    lines.push(`${words.inputs} ${record['inputs_checked']}`);
  }
  if (typeof record['route'] === 'string') lines.push(`${words.route} ${record['route']}`);
  return lines.join('\n');
}

export async function verifyNow(button: HTMLButtonElement): Promise<void> {
  const address = button.dataset.verify;
  if (!address || button.getAttribute('aria-busy') === 'true') return;
  const words = wordsFor(langOf(button));
  let output = button.parentElement?.querySelector<HTMLOutputElement>('output.verified') ?? null;
  if (!output) {
    output = document.createElement('output');
    output.className = 'verified';
    button.after(output);
  }
  output.classList.remove('error');
  output.textContent = `${words.verifying}…`;
  // aria-busy, not disabled: a disabled button would drop the reader's focus.
  button.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetchHere(address, {
      method: 'POST',
      headers: { Accept: 'text/plain, application/json;q=0.5' },
    });
    output.textContent = await answerText(answer, langOf(button));
  } catch (error) {
    output.classList.add('error');
    output.textContent = `${words.verifyFailed} (${reason(error)})`;
  } finally {
    button.removeAttribute('aria-busy');
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Listen on the whole document, so that loaded fragments come alive too. */
export function listen(root: Document): void {
  // `toggle` does not bubble: it is caught on the way down.
  root.addEventListener(
    'toggle',
    (event) => {
      const details = event.target;
      if (details instanceof HTMLDetailsElement && details.open) void openWhy(details);
    },
    true,
  );
  root.addEventListener('click', (event) => {
    const button = (event.target as Element | null)?.closest<HTMLButtonElement>('button[data-verify]');
    if (!button) return;
    // Without scripts the button's form asks the same and shows the answer as it is.
    event.preventDefault();
    void verifyNow(button);
  });
}
