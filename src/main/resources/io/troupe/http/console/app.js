// The console's frame: which view is shown for which address, and what all views share.
import { h, swap } from './dom.js';
import { health } from './api.js';
import { overview } from './overview.js';
import { topicList, topicPage } from './topics.js';
import { groupList, groupPage } from './groups.js';
import { records } from './records.js';
import { produce } from './produce.js';

const main = document.getElementById('main');
/** How many times as long as work took is the least rest after it. */
const RESTS = 4;
let current = null;

const VIEWS = new Map([
  ['', [overview, 'overview', 'Overview']],
  ['topics', [topicList, 'topics', 'Topics']],
  ['topics/*', [topicPage, 'topics', 'Topic']],
  ['groups', [groupList, 'groups', 'Groups']],
  ['groups/*', [groupPage, 'groups', 'Group']],
  ['records', [records, 'records', 'Records']],
  ['produce', [produce, 'produce', 'Produce']],
]);

/** What a view has while it is shown: an end, and work that is repeated while somebody looks. */
class Scope {
  #ended = new AbortController();
  signal = this.#ended.signal;

  constructor() {
    this.alert = h('div', { role: 'alert' });
  }

  end() {
    this.#ended.abort();
  }

  onEnd(work) {
    this.signal.addEventListener('abort', work);
  }

  /**
   * Does the work now, and again so long after it was done, longer when the work itself takes long; not while the page is hidden.
   * What fails is told, with a button to try again.
   */
  async repeat(everyMs, work) {
    let wake = null;
    const rest = (ms) => new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => { clearTimeout(timer); resolve(); };
    });
    const visible = () => {
      if (!document.hidden) {
        wake?.();
      }
    };
    document.addEventListener('visibilitychange', visible);
    this.onEnd(() => { document.removeEventListener('visibilitychange', visible); wake?.(); });
    while (!this.signal.aborted) {
      const begun = performance.now();
      if (!document.hidden) {
        try {
          await work();
          this.fail(null);
        } catch (e) {
          this.fail(e, () => wake?.());
        }
      }
      await rest(document.hidden ? 3600000 : Math.max(everyMs, RESTS * (performance.now() - begun)));
    }
  }

  /** Tells what failed; null when nothing does any more. */
  fail(failure, again) {
    if (this.signal.aborted) {
      return;
    }
    if (!failure) {
      this.alert.replaceChildren();
      return;
    }
    console.info(failure);
    const text = failure.what ? `Could not get ${failure.what}: ${failure.message}` : `Something failed: ${failure.message}`;
    if (this.alert.dataset.text !== text || !this.alert.firstChild) {
      this.alert.dataset.text = text;
      swap(this.alert, h('div', { class: 'box bad failure' }, h('p', {}, text),
        again && h('button', { type: 'button', click: again }, 'Try again')));
    }
  }
}

function address() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const parts = path.split('/').filter((part) => part !== '').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch (e) {
      return part;
    }
  });
  return { parts, query: new URLSearchParams(query ?? '') };
}

function show(first) {
  if (location.hash === '#main') {
    return;
  }
  const { parts, query } = address();
  const view = VIEWS.get(parts.length > 1 ? `${parts[0]}/*` : parts[0] ?? '');
  current?.end();
  const scope = new Scope();
  main.dataset.address = location.hash;
  current = scope;
  const place = h('div', { class: 'view' });
  main.replaceChildren(scope.alert, place);
  for (const item of document.querySelectorAll('nav a')) {
    view && item.dataset.at === view[1] ? item.setAttribute('aria-current', 'page') : item.removeAttribute('aria-current');
  }
  document.title = `${parts.length > 1 ? `${parts[1]} – ` : ''}${view ? view[2] : 'Nothing here'} – Troupe`;
  if (!view || parts.length > 2) {
    place.append(h('div', { class: 'empty' }, h('h1', { tabindex: '-1' }, 'There is nothing at this address'), h('p', {}, h('a', { href: '#/' }, 'To the overview'))));
  } else {
    view[0](place, scope, parts[1], query);
  }
  if (!first) {
    scrollTo(0, 0);
    place.querySelector('h1')?.focus({ preventScroll: true });
  }
}

const live = document.getElementById('live');
const liveText = document.getElementById('live-text');
health.addEventListener('answer', (event) => {
  const state = event.detail ? 'ok' : 'lost';
  if (live.dataset.state !== state) {
    live.dataset.state = state;
    liveText.textContent = event.detail ? 'connected' : 'no answer';
  }
});

document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener('hashchange', () => show(false));
show(true);
