/** The one guard every address passes: the portal talks to its own host and to no other. */

export class ForeignAddressError extends Error {
  constructor(readonly address: string) {
    super(`address is not on this host: ${address}`);
  }
}

const MARKS = ['{z}', '{x}', '{y}', '{id}', '{step}'] as const;

/**
 * Resolve `address` against the page and return it whole, `{z}`, `{x}`, `{y}`, `{id}` and `{step}` kept.
 *
 * @throws ForeignAddressError when scheme, host, port or credentials differ from the page's.
 */
export function sameOrigin(address: string, page: string = document.baseURI): string {
  let kept = address;
  // URL() would percent-encode the braces, so they travel as words and come back after.
  MARKS.forEach((mark, i) => (kept = kept.replaceAll(mark, `ecmark${i}x`)));
  let url: URL;
  let home: URL;
  try {
    home = new URL(page);
    url = new URL(kept, home);
  } catch {
    throw new ForeignAddressError(address);
  }
  const web = url.protocol === 'https:' || url.protocol === 'http:';
  if (!web || url.origin !== home.origin || url.username !== '' || url.password !== '') {
    throw new ForeignAddressError(address);
  }
  let text = url.href;
  MARKS.forEach((mark, i) => (text = text.replaceAll(`ecmark${i}x`, mark)));
  return text;
}

/** Address of a region's page: `{id}` and `{step}` filled in; the colon of `m49:404` stays readable. */
export function regionHref(template: string, id: string, page?: string, step = ''): string {
  const name = encodeURIComponent(id).replaceAll('%3A', ':');
  const whole = sameOrigin(template, page);
  return whole.replaceAll('{id}', name).replaceAll('{step}', encodeURIComponent(step));
}

/** `address` with one parameter set, the rest as it was: the address holds the state. */
export function withParameter(address: string, name: string, value: string): string {
  const url = new URL(address, document.baseURI);
  url.searchParams.set(name, value);
  return url.pathname + url.search.replaceAll('%3A', ':') + url.hash;
}

/** Fetch from this host only; a redirect is refused, since it could leave the host. */
export async function fetchHere(address: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(sameOrigin(address), {
    ...init,
    redirect: 'error',
    credentials: 'same-origin',
  });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  return response;
}
