/** `<ec-chart>`: the server's picture until the chart stands, the table always. */

import { langOf, wordsFor } from '../words';

export class EcChart extends HTMLElement {
  #started = false;
  #watcher: IntersectionObserver | null = null;

  connectedCallback(): void {
    if (this.#started || this.#watcher) return;
    // Charts far below the fold wait until the reader comes near.
    this.#watcher = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) void this.#start();
      },
      { rootMargin: '400px' },
    );
    this.#watcher.observe(this);
  }

  disconnectedCallback(): void {
    this.#watcher?.disconnect();
    this.#watcher = null;
  }

  async #start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    this.#watcher?.disconnect();
    const script = this.querySelector<HTMLScriptElement>(':scope > script[type="application/json"]');
    if (!script) return;
    const place = document.createElement('div');
    place.className = 'chart-canvas';
    try {
      const spec = JSON.parse(script.textContent ?? '') as Record<string, unknown>;
      const { drawChart } = await import('./view');
      this.prepend(place);
      await drawChart(place, spec);
      this.querySelectorAll<HTMLElement>(':scope > img, :scope > svg, :scope > picture').forEach(
        (picture) => picture.remove(),
      );
      this.dataset.state = 'ready';
      this.dispatchEvent(new CustomEvent('ec-ready', { bubbles: true }));
    } catch (error) {
      place.remove();
      this.dataset.state = 'failed';
      const line = document.createElement('p');
      line.className = 'status';
      line.textContent = wordsFor(langOf(this)).chartFailed;
      this.append(line);
      console.warn('ec-chart', error);
    }
  }
}
