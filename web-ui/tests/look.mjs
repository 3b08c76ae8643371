/**
 * Look at demo.html in a real browser: `node tests/look.mjs DATA OUT` with DATA holding regions.geojson,
 * lines.geojson, choropleth.json, specs.json and the pictures. Writes screenshots, prints what the
 * console, the content security policy and axe-core complain about.
 */
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { deflateSync, crc32 } from 'node:zlib';
import { chromium } from 'playwright-core';

const [data, out] = process.argv.slice(2);
const here = new URL('..', import.meta.url).pathname;
const statics = join(here, '../src/earthcommons/web/static');
const specs = JSON.parse(readFileSync(join(data, 'specs.json'), 'utf8'));
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json', '.geojson': 'application/json' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'";

function chunk(type, body) {
  const head = Buffer.from(type);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(Buffer.concat([head, body])));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  return Buffer.concat([size, head, body, sum]);
}

/** A 256 px tile of one half-clear colour with a checker, so that tile edges show. */
function tile(name, x, y) {
  const [r, g, b] = { a: [103, 169, 207], b: [239, 138, 98], c: [178, 24, 43] }[name];
  const rows = Buffer.alloc(256 * 1025);
  for (let j = 0; j < 256; j++)
    for (let i = 0; i < 256; i++) {
      const odd = ((i >> 5) + (j >> 5) + x + y) % 2;
      rows.set([r, g, b, odd ? 210 : 150], j * 1025 + 1 + i * 4);
    }
  const head = Buffer.from([0, 0, 1, 0, 0, 0, 1, 0, 8, 6, 0, 0, 0]);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

const TRACE = '<main><dl><dt>Value</dt><dd>13.49 10⁶ km²</dd><dt>Method</dt><dd>sea-ice-extent@1</dd><dt>Inputs</dt><dd>S_seaice_extent_daily, sha256 5f2d6c7a…91, free with citation</dd><dt>Regions</dt><dd>ec:countries-un@1</dd><dt>Run</dt><dd>run-4q2k</dd><dt>Provider’s file</dt><dd>NSIDC G02135</dd></dl><p><button data-verify="/verify">Verify now</button></p><script>window.bad = 1</script></main>';

const server = createServer((request, response) => {
  const path = normalize(new URL(request.url, 'http://x').pathname);
  const send = (status, type, body) => response.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY }).end(body);
  const found = /^\/tiles\/([abc])\/\d+\/(\d+)\/(\d+)\.png$/.exec(path);
  if (found) return send(200, 'image/png', tile(found[1], +found[2], +found[3]));
  if (path === '/why.html') return send(200, types['.html'], TRACE);
  if (path === '/verify') return send(200, 'text/plain', request.method === 'POST' ? 'Equal: 13.49 stored, 13.49 computed.' : 'no');
  if (path === '/') {
    const page = readFileSync(join(here, 'demo.html'), 'utf8')
      .replace(/SPECZH:(\w+)/g, (_, name) => JSON.stringify(specs.zh[name]).replaceAll('<', '\\u003c'))
      .replace(/SPEC:(\w+)/g, (_, name) => JSON.stringify(specs.en[name]).replaceAll('<', '\\u003c'));
    return send(200, types['.html'], page);
  }
  const file = path.startsWith('/static/') ? join(statics, path.slice(8)) : path.startsWith('/demo/') ? join(data, path.slice(6)) : '';
  if (!file || !existsSync(file)) return send(404, 'text/plain', 'no');
  return send(200, types[extname(file)] ?? 'application/octet-stream', readFileSync(file));
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));

const home = `http://127.0.0.1:${server.address().port}/`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
});
const problems = [];
for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['light', 375], ['dark', 375]]) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 }, reducedMotion: 'reduce', bypassCSP: false });
  const page = await context.newPage();
  page.on('console', (line) => ['error', 'warning'].includes(line.type()) && problems.push(`${scheme} ${width}: ${line.text().slice(0, 300)}`));
  page.on('pageerror', (error) => problems.push(`${scheme} ${width}: ${error}`));
  page.on('request', (request) => !/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(home) && problems.push(`foreign ${request.url()}`));
  await page.goto(home);
  for (const element of await page.$$('ec-chart, ec-map')) {
    await element.scrollIntoViewIfNeeded();
    await page.waitForFunction((e) => e.dataset.state, element, { timeout: 30000 });
    if ((await element.getAttribute('data-state')) !== 'ready') problems.push(`${scheme} ${width}: not ready: ${await element.getAttribute('id')}`);
  }
  await page.waitForTimeout(1200);
  await page.locator('summary', { hasText: 'Why?' }).nth(0).click();
  await page.locator('summary', { hasText: 'Why?' }).nth(1).click();
  await page.locator('.trace button').click();
  await page.locator('#tiles input[type=range]').focus();
  await page.keyboard.press('ArrowRight');
  await page.waitForTimeout(600);
  const state = await page.evaluate(() => ({ bad: window.bad, step: document.querySelector('#tiles .step-label').textContent, live: document.querySelector('#tiles [aria-live]').textContent, verified: document.querySelector('output.verified').textContent, wide: document.documentElement.scrollWidth - innerWidth, error: document.querySelector('.why .error')?.textContent }));
  console.log(scheme, width, JSON.stringify(state));
  if (width === 1280 || scheme === 'light') {
    const cdp = await context.newCDPSession(page);
    await cdp.send('Page.enable');
    // axe runs in the page's own world through the protocol: the policy stays as it is.
    await cdp.send('Runtime.evaluate', { expression: readFileSync(join(here, 'node_modules/axe-core/axe.min.js'), 'utf8') });
    const found = await page.evaluate(async () => (await globalThis.axe.run()).violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.length} ${v.nodes[0].html.slice(0, 140)} ${v.nodes[0].any[0]?.message ?? ''}`));
    found.forEach((line) => problems.push(`axe ${scheme} ${width}: ${line}`));
  }
  for (const [name, part] of [['map', '#choropleth'], ['cards', '.cards'], ['split', '.columns'], ['withheld', '.withheld'], ['tiles', '#tiles'], ['series', '#series'], ['zh', 'section[lang=zh]']])
    await page.locator(part).first().screenshot({ path: join(out, `${name}-${scheme}-${width}.png`) });
  await page.screenshot({ path: join(out, `demo-${scheme}-${width}.png`), fullPage: true });
  if (scheme === 'light' && width === 1280) await page.pdf({ path: join(out, 'demo.pdf') });
  await context.close();
}
const bare = await (await browser.newContext({ javaScriptEnabled: false, viewport: { width: 320, height: 900 } })).newPage();
await bare.goto(home);
await bare.screenshot({ path: join(out, 'demo-nojs-320.png'), fullPage: true });
await browser.close();
server.close();
console.log(problems.length ? problems.join('\n') : 'nothing to complain about');
