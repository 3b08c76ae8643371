import { boxBetween } from '../src/box';
import { Unfinished } from '../src/unfinished';
import { Sending, uploadMetadata } from '../src/upload';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { classLabels, classOf, fillOf, numberText, problemOf } from '../src/breaks';
import { onDark } from '../src/chart/colours';
import { boundsOf } from '../src/map/element';
import { readLegend } from '../src/map/legend';
import { ForeignAddressError, regionHref, sameOrigin, withParameter } from '../src/same-origin';
import { nextWhilePlaying, readSteps, startOfPlay, stepForKey } from '../src/steps';
import { answerText, fragmentOf, openWhy } from '../src/why';
import { wordsFor } from '../src/words';

const PAGE = 'https://node.example/en/places/m49:404';

describe('an address that holds the state', () => {
  it('gets one parameter and keeps the rest', () => {
    const page = 'https://node.example/zh/map?layer=sst-anomaly&region=ec:nino34#panel';
    const next = withParameter(page, 'period', '2015-12');
    expect(next).toBe('/zh/map?layer=sst-anomaly&region=ec:nino34&period=2015-12#panel');
  });

  it('takes the step with it to a region', () => {
    const href = regionHref('/en/map?region={id}&period={step}', 'ec:nino34', PAGE, '2015-11');
    expect(href).toBe('https://node.example/en/map?region=ec:nino34&period=2015-11');
  });
});

describe('the same-origin guard', () => {
  it('keeps tile braces and resolves against the page', () => {
    expect(sameOrigin('/tiles/a/{z}/{x}/{y}.png', PAGE)).toBe(
      'https://node.example/tiles/a/{z}/{x}/{y}.png',
    );
    expect(sameOrigin('x.json', PAGE)).toBe('https://node.example/en/places/x.json');
  });

  it.each([
    'https://other.example/x',
    '//other.example/x',
    '\\\\other.example\\x',
    'https://node.example:8443/x',
    'http://node.example/x',
    'https://user:secret@node.example/x',
    'javascript:alert(1)',
    'data:text/html,x',
    'blob:https://node.example/1',
    'file:///etc/passwd',
    'https://node.example.other.example/x',
    'https://{z}.other.example/x',
  ])('refuses %s', (address) => {
    expect(() => sameOrigin(address, PAGE)).toThrow(ForeignAddressError);
  });

  it('cannot be led away by a region id', () => {
    expect(regionHref('/en/places/{id}', 'm49:404', PAGE)).toBe(PAGE);
    expect(regionHref('/en/places/{id}', '../../x?y#z', PAGE)).toBe(
      'https://node.example/en/places/..%2F..%2Fx%3Fy%23z',
    );
  });
});

describe('class breaks', () => {
  const map = { breaks: [0, 10, 20, 30], colours: ['#111111', '#222222', '#333333'] };

  it('close classes below and open them above', () => {
    expect([0, 9.99, 10, 20, 29.9, 30].map((v) => classOf(v, map))).toEqual([0, 0, 1, 2, 2, 2]);
  });
  it('put values beyond the ends in the end classes', () => {
    expect(classOf(-5, map)).toBe(0);
    expect(classOf(1e9, map)).toBe(2);
  });
  it('never read missing as zero', () => {
    const values = { a: 0, b: null, c: Number.NaN };
    const fills = ['a', 'b', 'c', 'd'].map((id) => fillOf(id, { ...map, values }).kind);
    expect(fills).toEqual(['value', 'missing', 'missing', 'missing']);
  });
  it('show a withheld region as withheld even when a value is there', () => {
    expect(fillOf('a', { ...map, values: { a: 5 }, withheld: ['a'] }).kind).toBe('withheld');
  });
  it('name what is wrong with them', () => {
    expect(problemOf(map)).toBeNull();
    expect(problemOf({ breaks: [0, 1], colours: ['#1', '#2'] })).toMatch(/need 1 colours/);
    expect(problemOf({ breaks: [0, 2, 1], colours: ['#1', '#2'] })).toMatch(/do not rise/);
    expect(() => readLegend('{"breaks":[1],"colours":["#fff"]}')).toThrow(/breaks/);
  });
  it('are labelled with true minus signs', () => {
    expect(classLabels({ breaks: [-1, 0, 1.5], colours: ['a', 'b'] }, 'en')).toEqual([
      '\u22121 to 0',
      '0 to 1.5',
    ]);
    expect(classLabels({ breaks: [0, 1.5], colours: ['a'] }, 'en')).toEqual(['0\u2009–\u20091.5']);
    expect(numberText(-1234.5, 'zh', 1)).toBe('\u22121,234.5');
  });
});

describe('the slider', () => {
  it('moves by keys and stays inside', () => {
    expect(stepForKey('ArrowRight', 5, 128)).toBe(6);
    expect(stepForKey('ArrowLeft', 0, 128)).toBe(0);
    expect(stepForKey('ArrowRight', 127, 128)).toBe(127);
    expect(stepForKey('PageUp', 5, 128)).toBe(17);
    expect(stepForKey('PageDown', 5, 128)).toBe(0);
    expect([stepForKey('Home', 5, 128), stepForKey('End', 5, 128)]).toEqual([0, 127]);
  });
  it('leaves other keys to the page', () => {
    expect(stepForKey('Tab', 5, 128)).toBeNull();
    expect(stepForKey('ArrowDown', 5, 128)).toBeNull();
  });
  it('plays to the end, stops there, and starts again from the first', () => {
    expect(nextWhilePlaying(126, 128)).toBe(127);
    expect(nextWhilePlaying(127, 128)).toBeNull();
    expect([startOfPlay(127, 128), startOfPlay(3, 128)]).toEqual([0, 3]);
  });
  it('refuses a list that is not of steps', () => {
    expect(readSteps('[{"label":"a","tiles":"/t"}]')).toHaveLength(1);
    expect(() => readSteps('[{"label":"a"}]')).toThrow(/step 0/);
    expect(() => readSteps('{}')).toThrow(/not a list/);
  });
});

describe('bounds', () => {
  it('cross the antimeridian when west is greater than east', () => {
    expect(boundsOf('170,-5,-120,5')).toEqual([170, -5, 240, 5]);
  });
  it('refuse what is no box', () => {
    for (const text of ['1,2,3', '1,2,3,x', '0,5,1,-5', '1,2,3,4,5']) {
      expect(() => boundsOf(text)).toThrow(/bounds/);
    }
  });
});

describe('why and verify', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('take scripts out of a fragment and keep the main part of a page', () => {
    const box = document.createElement('div');
    box.append(fragmentOf('<p>nav</p><main><p>six lines</p><script>bad()</script></main>'));
    expect(box.innerHTML).toBe('<p>six lines</p>');
  });

  it('show the failure in words and keep the plain link', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status: 503 })));
    document.body.innerHTML =
      '<details data-why="/why"><summary>Why?</summary><a href="/why">Open</a></details>';
    const details = document.querySelector('details')!;
    await openWhy(details);
    expect(details.querySelector('[role=alert]')?.textContent).toContain('503');
    expect(details.querySelector('a')).not.toBeNull();
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('<p>ok</p>')));
    await openWhy(details);
    expect(details.querySelector('.error')).toBeNull();
    expect(details.querySelector('.trace')?.textContent).toBe('ok');
  });

  it('read plain text as sent and problem documents by their words', async () => {
    expect(await answerText(new Response(' Equal. '))).toBe('Equal.');
    const type = { headers: { 'content-type': 'application/problem+json' } };
    const body = JSON.stringify({ title: 'Differs', detail: 'in cell 4', status: 409 });
    expect(await answerText(new Response(body, type))).toBe('Differs in cell 4');
  });

  it('say a verdict in the reader\'s language, and a value that is none as none', async () => {
    const type = { headers: { 'content-type': 'application/json' } };
    const body = { agrees: false, stored: -1.5, computed: null, route: 'sea-ice@1' };
    const said = await answerText(new Response(JSON.stringify(body), type), 'zh-Hans');
    expect(said).toContain('不一致');
    expect(said).toContain('\u22121.5');
    expect(said).toContain('无数值');
  });

  it('say everything in both languages', () => {
    const [en, zh] = [wordsFor('en'), wordsFor('zh-Hans')];
    expect(Object.keys(zh)).toEqual(Object.keys(en));
    for (const key of Object.keys(en) as (keyof typeof en)[]) expect(zh[key]).not.toBe(en[key]);
  });
});

describe('a box drawn on the plate', () => {
  it('is in degrees, north up, whichever way it was drawn', () => {
    const box = { west: -36, south: -18, east: 72, north: 72 };
    expect(boxBetween(144, 18, 252, 108)).toEqual(box);
    expect(boxBetween(252, 108, 144, 18)).toEqual(box);
  });
  it('stays on the plate, and a click is no box', () => {
    expect(boxBetween(-50, -50, 400, 400)).toEqual({ west: -180, south: -90, east: 180, north: 90 });
    expect(boxBetween(10, 10, 11, 60)).toBeNull();
  });
});

describe('the name of an upload', () => {
  it('travels as UTF-8 in base64', () => {
    expect(uploadMetadata('雪.tif')).toBe(`filename ${Buffer.from('雪.tif').toString('base64')}`);
  });
});

describe('a refusal of an upload', () => {
  afterEach(() => {
    document.documentElement.lang = '';
    vi.unstubAllGlobals();
  });

  it('is asked for in the language of the page and told as the node says it', async () => {
    const asked: (string | null)[] = [];
    vi.stubGlobal('fetch', async (_: string, init: RequestInit): Promise<Response> => {
      asked.push(new Headers(init.headers).get('Accept-Language'));
      return new Response(JSON.stringify({ detail: '超出此处允许的大小。' }), { status: 413 });
    });
    document.documentElement.lang = 'zh-Hans';
    await expect(new Sending(new File(['x'], 'a.tif'), () => undefined).send()).rejects.toThrow('超出此处允许的大小。');
    expect(asked).toEqual(['zh-Hans']);
  });
});

describe('colours of marks on a dark ground', () => {
  it('keep their hue in specification and data, and change nothing else', () => {
    const spec = { mark: { color: '#0072b2' }, data: { values: [{ colour: '#D55E00', n: 1, none: null }] }, title: 'Blue #0072b2' };
    expect(onDark(spec)).toEqual({
      mark: { color: '#56b4e9' },
      data: { values: [{ colour: '#f08a3c', n: 1, none: null }] },
      title: 'Blue #0072b2',
    });
  });
});

describe('an upload that a reload cut off', () => {
  const file = (text: string, name = 'snow.tif', lastModified = 5): File => new File([text], name, { lastModified });
  const bytes = 'x'.repeat(100);

  afterEach(() => {
    localStorage.clear();
    vi.unstubAllGlobals();
  });

  /** A node that holds an upload `old` of `length` bytes, 40 of them here, or none. */
  function node(length: number): string[] {
    const asked: string[] = [];
    const uploads: Record<string, [number, number]> = length ? { old: [40, length] } : {};
    vi.stubGlobal('fetch', async (address: string, init: RequestInit): Promise<Response> => {
      const id = address.slice(address.lastIndexOf('/') + 1);
      const sent = new Headers(init.headers);
      asked.push(`${init.method} ${id} ${sent.get('Upload-Offset') ?? ''}`.trim());
      const expires = new Date(Date.now() + 3600_000).toUTCString();
      if (init.method === 'POST') {
        uploads['fresh'] = [0, Number(sent.get('Upload-Length'))];
        return new Response(null, { status: 201, headers: { Location: '/api/uploads/fresh', 'Upload-Expires': expires } });
      }
      const found = uploads[id];
      if (!found) return new Response(null, { status: 404 });
      if (init.method === 'PATCH') found[0] = found[1];
      const headers = { 'Upload-Offset': String(found[0]), 'Upload-Length': String(found[1]), 'Upload-Expires': expires };
      return new Response(null, { status: 204, headers });
    });
    return asked;
  }

  async function kept(account: string, chosen: File, id: string, until = Date.now() + 1000): Promise<Unfinished> {
    const unfinished = (await Unfinished.of(account))!;
    unfinished.keep(await unfinished.fileKey(chosen, chosen.name), id, until);
    return unfinished;
  }

  it('goes on at the byte the node has', async () => {
    const asked = node(100);
    const sending = new Sending(file(bytes), () => undefined, await kept('mei', file(bytes), 'old'));
    expect(await sending.send()).toBe('old');
    expect(asked).toEqual(['HEAD old', 'PATCH old 40']);
    expect(sending.resumed).toBe(40);
    sending.forget();
    expect(localStorage.length).toBe(0);
  });

  it.each([
    ['the node forgot', 0],
    ['the node expects other bytes for', 99],
  ])('is begun anew where %s it', async (_, length) => {
    const asked = node(length);
    const unfinished = await kept('mei', file(bytes), 'old');
    const sending = new Sending(file(bytes), () => undefined, unfinished);
    expect(await sending.send()).toBe('fresh');
    expect(asked).toEqual(['HEAD old', 'POST uploads', 'PATCH fresh 0']);
    expect(sending.resumed).toBe(0);
    expect(unfinished.find(await unfinished.fileKey(file(bytes), 'snow.tif'))).toBe('fresh');
  });

  it('is not gone on with twice by the same file chosen twice', async () => {
    const asked = node(100);
    const unfinished = await kept('mei', file(bytes), 'old');
    const sendings = [1, 2].map(() => new Sending(file(bytes), () => undefined, unfinished));
    expect(await sendings[0]!.send()).toBe('old');
    expect(await sendings[1]!.send()).toBe('fresh');
    expect(asked).toContain('POST uploads');
  });

  it('is not gone on with once it has run out', async () => {
    const unfinished = await kept('mei', file(bytes), 'old', Date.now() - 1);
    expect(unfinished.count).toBe(0);
    expect(unfinished.find(await unfinished.fileKey(file(bytes), 'snow.tif'))).toBe('');
  });

  it('belongs to its account and its file, and names neither', async () => {
    const mine = await kept('mei', file(bytes), 'old');
    const key = await mine.fileKey(file(bytes), 'snow.tif');
    expect(mine.find(key)).toBe('old');
    expect((await Unfinished.of('eve'))!.find(key)).toBe('');
    expect((await Unfinished.of('eve'))!.count).toBe(0);
    for (const other of [file(bytes, 'other.tif'), file(bytes, 'snow.tif', 6), file(`${bytes}x`), file(`y${bytes.slice(1)}`)]) {
      expect(mine.find(await mine.fileKey(other, other.name))).toBe('');
    }
    expect(JSON.stringify({ ...localStorage })).not.toMatch(/snow|mei/);
  });

  it('is given up when it is cancelled', async () => {
    node(100);
    const sending = new Sending(file(bytes), () => undefined, await kept('mei', file(bytes), 'old'));
    await sending.send();
    await sending.cancel();
    expect(localStorage.length).toBe(0);
  });

  it('stays small, the newest kept', async () => {
    const unfinished = (await Unfinished.of('mei'))!;
    for (let n = 0; n < 120; n += 1) unfinished.keep(`f${n}`, `id${n}`, Date.now() + 1000 + n);
    expect(unfinished.count).toBe(100);
    expect(unfinished.find('f119')).toBe('id119');
    expect(unfinished.find('f0')).toBe('');
  });

  it('does nothing where the browser keeps nothing or has no digests', async () => {
    vi.stubGlobal('crypto', {});
    expect(await Unfinished.of('mei')).toBeNull();
  });
});
