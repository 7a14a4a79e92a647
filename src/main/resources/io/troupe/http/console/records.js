// The message browser: from the newest, the beginning, an offset or a time; with a search; or live.
import { h, swap, number, plural, link, heading, empty, duration, bytes, date, copyButton, quoted } from './dom.js';
import { bootstrap } from './api.js';
import { option, labelled, offered, topicFields } from './fields.js';
import { Stretch, Tail, matcher, MOST_PARTITIONS } from './reading.js';

const MOST_SHOWN = 1000;
const MOST_TAILED = 500;
const MOST_SCANNED = 100000;
const DRAW_EVERY_MS = 200;
const PREVIEW_CHARS = 200;
const MOST_INDENTED = 40;

export function records(place, scope, none, query) {
  place.append(heading('Records'), h('p', { class: 'sub' }, 'Reading the names of the topics…'));
  const load = async () => {
    const [topics, server] = await Promise.all([offered('', true, scope.signal), bootstrap(scope.signal)]);
    browser(place, scope, query, topics, server);
  };
  const attempt = () => load().then(() => scope.fail(null), (e) => scope.fail(e, attempt));
  attempt();
}

function browser(place, scope, query, topics, server) {
  const get = (name, otherwise) => query.get(name) ?? otherwise;
  const visible = topics.filter((t) => !t.internal);
  const { topic, list, partition, look } = topicFields(scope, {
    topics, internal: true, value: get('topic', visible.length === 1 ? visible[0].name : ''), any: 'all',
  });
  const from = h('select', { id: 'from', change: () => shape() }, option('newest', 'the newest', get('from')), option('earliest', 'the beginning', get('from')), option('offset', 'an offset', get('from')), option('time', 'a time', get('from')));
  const offset = h('input', { id: 'offset', type: 'number', min: '0', step: '1', value: get('offset', '0'), inputmode: 'numeric' });
  const when = h('input', { id: 'time', type: 'datetime-local', step: '1', value: get('time', local(Date.now() - 3600000)) });
  const count = h('select', { id: 'count' }, ['20', '50', '200', '500'].map((n) => option(n, n, get('count', '50'))));
  const where = h('select', { id: 'where', change: () => shape() }, option('', 'nothing', get('where')), option('key', 'key is', get('where')), option('key-has', 'key contains', get('where')), option('value-has', 'value contains', get('where')));
  const what = h('input', { id: 'what', type: 'search', value: get('what', ''), autocomplete: 'off', spellcheck: 'false', 'aria-label': 'What to find', placeholder: 'Text to find' });
  const offsetField = labelled('Offset', offset);
  const timeField = labelled('Time, here', when);
  const whatField = labelled('Text', what);
  const tailButton = h('button', { type: 'button', id: 'tail', 'aria-pressed': 'false', click: () => (tailing ? stopTail('Stopped.') : startTail()) }, 'Live tail');
  const said = h('p', { class: 'sub', id: 'said', role: 'status' });
  const out = h('ol', { class: 'records', id: 'records', 'aria-label': 'Records' });
  const columns = h('p', { class: 'records-head', 'aria-hidden': 'true' }, ['Partition : offset', 'Time', 'Key', 'Value'].map((text) => h('span', {}, text)));
  const after = h('div');
  let reading = null;
  let tailing = null;
  /** The partition that the address names, until it is known which there are. */
  let asked = query.get('topic') ? query.get('partition') : null;

  const form = h('form', { class: 'bar-of-fields', submit: (event) => { event.preventDefault(); read(); } },
    labelled('Topic', [topic, list]), labelled('Partition', partition), labelled('From', from), offsetField, timeField,
    labelled('Search for', where), whatField, labelled('At most', count),
    h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary', id: 'read' }, 'Read'), tailButton));

  function shape() {
    offsetField.hidden = from.value !== 'offset';
    timeField.hidden = from.value !== 'time';
    whatField.hidden = where.value === '';
  }

  function remember() {
    const q = new URLSearchParams({ topic: topic.value, from: from.value, count: count.value });
    if (partition.value !== '') { q.set('partition', partition.value); }
    if (from.value === 'offset') { q.set('offset', offset.value); }
    if (from.value === 'time') { q.set('time', when.value); }
    if (where.value) { q.set('where', where.value); q.set('what', what.value); }
    history.replaceState(null, '', `#/records?${q}`);
  }

  /** The partitions to read; null when there are none, or too many. */
  async function chosen() {
    const name = topic.value;
    const count = await look(asked ?? partition.value);
    asked = null;
    if (count === null) {
      said.textContent = `There is no topic ${name}.`;
      return null;
    }
    if (partition.value !== '') {
      return [Number(partition.value)];
    }
    if (count > MOST_PARTITIONS) {
      said.textContent = `${name} has ${number(count)} partitions; choose one, as at most ${MOST_PARTITIONS} are read at once.`;
      return null;
    }
    return Array.from({ length: count }, (none, p) => p);
  }

  async function read() {
    stopTail('');
    reading?.abort();
    const mine = new AbortController();
    reading = mine;
    out.replaceChildren();
    after.replaceChildren();
    const matches = matcher(where.value, what.value);
    const searching = Boolean(where.value && what.value);
    const newest = from.value === 'newest';
    const most = Number(count.value);
    const progress = (scanned, found) => { said.textContent = `Went through ${number(scanned)} records, found ${number(found)}…`; };
    said.textContent = 'Reading…';
    try {
      const partitions = await chosen();
      if (!partitions || reading !== mine) {
        return;
      }
      remember();
      const stretch = new Stretch(topic.value, partitions, mine.signal);
      if (newest) {
        const last = searching ? Math.ceil(MOST_SCANNED / partitions.length) : most;
        await stretch.begin('', last);
        const { found, scanned } = await lastOf(stretch, matches, most, progress);
        if (reading === mine) {
          found.reverse().forEach((r) => out.append(item(r, server)));
          said.textContent = searching
            ? `Found ${plural(found.length, 'record')} among the last ${number(scanned)}, newest first.`
            : `${plural(found.length, 'record')}, newest first.`;
        }
      } else {
        const start = from.value === 'time' ? `timestamp:${new Date(when.value).getTime()}` : from.value === 'offset' ? String(Number(offset.value)) : 'earliest';
        await stretch.begin(start, null);
        await more(mine, stretch, matches, most, progress);
      }
      if (reading === mine) {
        none();
      }
      scope.fail(null);
    } catch (e) {
      if (reading === mine && !mine.signal.aborted) {
        said.textContent = '';
        scope.fail(e, read);
      }
    }
  }

  async function more(mine, stretch, matches, most, progress) {
    const { found, ended } = await stretch.some(most, matches, MOST_SCANNED, progress);
    if (reading !== mine) {
      return;
    }
    found.forEach((r) => out.append(item(r, server)));
    while (out.children.length > MOST_SHOWN) {
      out.firstChild.remove();
    }
    said.textContent = `${plural(out.children.length, 'record')}${out.children.length === MOST_SHOWN ? ' (the latest of those read)' : ''}, oldest first, of ${number(stretch.scanned)} gone through${ended ? '; that is all there was' : ''}.`;
    swap(after, !ended && h('button', { type: 'button', id: 'more', click: () => more(mine, stretch, matches, most, progress).catch((e) => scope.fail(e)) }, 'Read on'));
  }

  function none() {
    if (out.children.length === 0) {
      const path = encodeURIComponent(topic.value);
      swap(after, empty('No records here', h('p', {}, where.value ? 'None of those gone through has it. Look from another place, or for something else.' : 'Nothing is written there, or it is gone by retention. ', !where.value && link(`#/produce?topic=${path}`, 'Write one'))), after.firstChild);
    }
  }

  async function startTail() {
    reading?.abort();
    const mine = new AbortController();
    reading = mine;
    try {
      if (!await chosen() || reading !== mine || tailing) {
        return;
      }
      remember();
    } catch (e) {
      scope.fail(e, startTail);
      return;
    }
    out.replaceChildren();
    after.replaceChildren();
    scope.fail(null);
    const matches = matcher(where.value, what.value);
    let came = 0;
    let state = 'connecting';
    let waiting = [];
    let timer = null;
    const draw = () => {
      timer = null;
      out.prepend(...waiting.reverse().map((r) => item(r, server)));
      waiting = [];
      while (out.children.length > MOST_TAILED) {
        out.lastChild.remove();
      }
      said.textContent = `Live, ${state}: ${plural(came, 'record')} came${came > MOST_TAILED ? `, the last ${MOST_TAILED} are kept` : ''}.`;
    };
    const later = () => { timer ??= setTimeout(draw, DRAW_EVERY_MS); };
    const tail = new Tail(topic.value, partition.value === '' ? null : Number(partition.value), {
      came: (record) => {
        if (matches(record)) {
          came++;
          waiting.push(record);
          if (waiting.length > MOST_TAILED) {
            waiting.shift();
          }
          later();
        }
      },
      failed: (message) => { stopTail(''); scope.fail({ what: 'the live tail', message }, startTail); },
      state: (now) => { state = now; later(); },
    });
    tailing = { tail, end: () => clearTimeout(timer) };
    tailButton.textContent = 'Stop';
    tailButton.setAttribute('aria-pressed', 'true');
    tail.open();
    later();
  }

  function stopTail(text) {
    if (tailing) {
      tailing.tail.close();
      tailing.end();
      tailing = null;
      tailButton.textContent = 'Live tail';
      tailButton.setAttribute('aria-pressed', 'false');
      said.textContent = text;
    }
  }

  // Nobody sees what comes while the page is hidden.
  const hidden = () => {
    if (!tailing) {
      return;
    }
    if (document.hidden) {
      tailing.tail.close();
    } else {
      out.prepend(h('li', { class: 'gap' }, `The page was hidden until ${date(Date.now())}: what came meanwhile is not here.`));
      tailing.tail.open();
    }
  };
  document.addEventListener('visibilitychange', hidden);
  scope.onEnd(() => {
    document.removeEventListener('visibilitychange', hidden);
    reading?.abort();
    stopTail('');
  });

  const title = heading('Records');
  swap(place, title, form, said, columns, out, after);
  shape();
  if (visible.length === 0 && !topic.value) {
    swap(after, empty('No topics yet', h('p', {}, link('#/produce', 'Write a first record'), ', and its topic is made.')));
  } else if (query.get('tail') === 'true') {
    startTail();
  } else if (topic.value && query.get('topic')) {
    read();
  } else {
    said.textContent = 'Choose a topic, and where to begin.';
    look('').catch((e) => scope.fail(e));
  }
}

/** The last that match, when all are gone through. */
async function lastOf(stretch, matches, most, progress) {
  const kept = [];
  for (;;) {
    const { found, ended } = await stretch.some(1000, matches, 10000, progress);
    kept.push(...found);
    kept.splice(0, Math.max(0, kept.length - most));
    if (ended || stretch.scanned > MOST_SCANNED + 10000) {
      return { found: kept, scanned: stretch.scanned };
    }
  }
}

function local(ms) {
  return date(ms).slice(0, 19).replace(' ', 'T');
}

function preview(field) {
  if (field.isNull) {
    return h('i', { class: 'null' }, 'null');
  }
  if (field.text === null) {
    return h('span', { class: 'mono' }, `${field.hex.slice(0, 47)}${field.hex.length > 47 ? '…' : ''} (${bytes(field.size)})`);
  }
  return field.text === '' ? h('i', { class: 'null' }, 'empty') : field.text.slice(0, PREVIEW_CHARS);
}

/** One record, closed; what it holds is drawn when it is opened. */
function item(record, server) {
  const body = h('div', { class: 'body' });
  const details = h('details', { toggle: () => {
    if (details.open && !body.firstChild) {
      body.append(...inside(record, server));
    }
  } },
  h('summary', {},
    h('span', { class: 'at mono' }, h('span', { class: 'sr' }, 'Partition '), String(record.partition), h('span', { 'aria-hidden': 'true' }, ' : '), h('span', { class: 'sr' }, ', offset '), String(record.offset)),
    h('span', { class: 'when' }, record.timestamp < 0 ? 'no time' : date(record.timestamp)),
    h('span', { class: 'key' }, preview(record.key)),
    h('span', { class: 'val' }, preview(record.value))),
  body);
  return h('li', {}, details);
}

function block(title, field, extra) {
  if (field.isNull) {
    return h('section', {}, h('h3', {}, title), h('p', {}, h('i', { class: 'null' }, 'null')));
  }
  const size = `${bytes(field.size)}${field.cut ? ', its beginning' : ''}`;
  if (field.text === null) {
    return h('section', {}, h('h3', {}, title, h('small', {}, ` ${size}; no text in UTF-8, so in hexadecimal`)), h('pre', {}, field.hex));
  }
  const pre = h('pre', { tabindex: '0' }, field.text);
  const pretty = field.cut ? null : formatted(field.text);
  const buttons = [copyButton('Copy', () => field.text), extra];
  if (pretty !== null && pretty !== field.text) {
    const toggle = h('button', { type: 'button', class: 'small', 'aria-pressed': 'true', click: () => {
      const raw = toggle.getAttribute('aria-pressed') === 'true';
      toggle.setAttribute('aria-pressed', String(!raw));
      pre.textContent = raw ? field.text : pretty;
    } }, 'Pretty');
    pre.textContent = pretty;
    buttons.unshift(toggle);
  }
  return h('section', {}, h('h3', {}, title, h('small', {}, ` ${size}${pretty !== null ? ', JSON' : ''}`)), pre, h('p', { class: 'buttons' }, buttons));
}

/** JSON with line breaks, null when it is none. Only blanks between its parts change: numbers stay what they are, however long. No deeper than eyes can follow. */
function formatted(text) {
  if (!/^\s*[[{]/.test(text)) {
    return null;
  }
  try {
    JSON.parse(text);
  } catch (e) {
    return null;
  }
  let depth = 0;
  let out = '';
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[\]{}:,]|[^\s[\]{}:,"]+/g)) {
    const line = () => `\n${'  '.repeat(Math.min(depth, MOST_INDENTED))}`;
    if (token === '{' || token === '[') {
      depth++;
      out += token + line();
    } else if (token === '}' || token === ']') {
      depth--;
      out += line() + token;
    } else if (token === ',') {
      out += token + line();
    } else {
      out += token === ':' ? ': ' : token.length > 1 && /^[[{]/.test(token) ? token[0] + token.at(-1) : token;
    }
  }
  return out;
}

function inside(record, server) {
  const path = `${location.origin}/topics/${encodeURIComponent(record.topic)}/partitions/${record.partition}/records?offset=${record.offset}&max_bytes=1`;
  const format = record.key.text === null && !record.key.isNull || record.value.text === null && !record.value.isNull ? 'binary' : 'text';
  return [
    h('p', { class: 'buttons' },
      copyButton('Copy as curl', () => `curl -s ${quoted(path)} -H 'Accept: application/vnd.kafka.${format}.v2+json'`),
      copyButton('Copy as kcat', () => `kcat -b ${server} -C -t ${quoted(record.topic)} -p ${record.partition} -o ${record.offset} -c 1 -f ${quoted('%k\\n%s\\n')}`)),
    block('Key', record.key),
    block('Value', record.value),
    h('section', {}, h('h3', {}, 'Headers', h('small', {}, ` ${number(record.headers.length)}`)),
      record.headers.length > 0 && h('dl', {}, record.headers.map((x) => [h('dt', { class: 'mono' }, x.name), h('dd', { class: 'mono' }, preview(x.value))]))),
    record.timestamp >= 0 && h('p', { class: 'sub' }, `${duration(Math.max(0, Date.now() - record.timestamp))} old; timestamp ${record.timestamp}.`),
  ];
}
