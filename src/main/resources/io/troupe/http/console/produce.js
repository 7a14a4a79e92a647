// Writes a record.
import { h, swap, heading, link, copyButton, quoted, clock } from './dom.js';
import { ask, bootstrap } from './api.js';
import { labelled, offered, topicFields } from './fields.js';

const BINARY = 'application/vnd.kafka.binary.v2+json';
const REMEMBERED = 10;

function base64(text) {
  const bytes = new TextEncoder().encode(text);
  let raw = '';
  for (let i = 0; i < bytes.length; i += 8192) {
    raw += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(raw);
}

/** Lines of name: value. */
function headersOf(text) {
  return text.split('\n').filter((line) => line.trim() !== '').map((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) {
      throw new Error(`the header line “${line}” is not of the form name: value`);
    }
    return { name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
  });
}

export function produce(place, scope, none, query) {
  place.append(heading('Produce'));
  const load = async () => {
    const [topics, server] = await Promise.all([offered('', false, scope.signal), bootstrap(scope.signal)]);
    form(place, scope, query, topics, server);
  };
  const attempt = () => load().then(() => scope.fail(null), (e) => scope.fail(e, attempt));
  attempt();
}

function form(place, scope, query, topics, server) {
  const { topic, list, partition, look } = topicFields(scope, {
    topics, internal: false, value: query.get('topic') ?? '', any: 'by key, as Kafka’s clients do',
    changed: (name, count) => {
      missing = name !== '' && count === null;
      made.textContent = missing ? 'There is no such topic; it is made if auto.create.topics.enable allows.' : '';
    },
  });
  let missing = false;
  const key = h('input', { id: 'key', autocomplete: 'off', spellcheck: 'false', placeholder: 'No key' });
  const value = h('textarea', { id: 'value', rows: '8', spellcheck: 'false', input: () => judge() });
  const tombstone = h('input', { id: 'tombstone', type: 'checkbox', change: () => { value.disabled = tombstone.checked; judge(); } });
  const headers = h('textarea', { id: 'headers', rows: '2', spellcheck: 'false', placeholder: 'name: value' });
  const kind = h('small', { id: 'kind' });
  const made = h('small', {});
  const said = h('div', { id: 'said', role: 'status' });
  const written = h('ul', { class: 'written', 'aria-label': 'Written from here' });
  const submit = h('button', { type: 'submit', class: 'primary', id: 'write' }, 'Write');

  function judge() {
    let text = tombstone.checked ? 'a tombstone: on a compacted topic it deletes its key' : value.value === '' ? 'empty' : 'text';
    if (!tombstone.checked && /^\s*[[{"]/.test(value.value)) {
      try {
        JSON.parse(value.value);
        text = 'JSON';
      } catch (e) {
        text = `text; as JSON it is wrong: ${e.message}`;
      }
    }
    kind.textContent = text;
  }

  function request() {
    const record = { key: key.value === '' ? null : base64(key.value), value: tombstone.checked ? null : base64(value.value) };
    const named = headersOf(headers.value);
    if (named.length > 0) {
      record.headers = named.map((x) => ({ name: x.name, value: base64(x.value) }));
    }
    const path = `/topics/${encodeURIComponent(topic.value)}${partition.value === '' ? '' : `/partitions/${partition.value}`}`;
    return { path, body: JSON.stringify({ records: [record] }) };
  }

  async function write() {
    submit.disabled = true;
    said.replaceChildren();
    try {
      const { path, body } = request();
      const answer = await ask(`the record into ${topic.value}`, path, { method: 'POST', body, signal: scope.signal, headers: { 'Content-Type': BINARY } });
      const at = answer.offsets[0];
      if (at.error_code !== null) {
        throw new Error(at.error);
      }
      const where = `#/records?topic=${encodeURIComponent(topic.value)}&partition=${at.partition}&from=offset&offset=${at.offset}`;
      said.replaceChildren(h('p', { class: 'box good' }, `Written to partition ${at.partition} at offset ${at.offset}. `, link(where, 'Look at it')));
      written.prepend(h('li', {}, `${clock(Date.now())} `, link(where, `${topic.value}-${at.partition} : ${at.offset}`)));
      while (written.children.length > REMEMBERED) {
        written.lastChild.remove();
      }
      if (missing) {
        look('').catch((e) => scope.fail(e));
      }
    } catch (e) {
      if (!scope.signal.aborted) {
        said.replaceChildren(h('div', { class: 'box bad' }, h('p', {}, `Not written: ${e.message}`)));
      }
    } finally {
      submit.disabled = false;
    }
  }

  const curl = () => {
    const { path, body } = request();
    return `curl -s ${quoted(location.origin + path)} -H 'Content-Type: ${BINARY}' -d ${quoted(body)}`;
  };
  const kcat = () => {
    const text = tombstone.checked ? '' : value.value;
    // kcat passes over an empty message unless its key stands before it.
    const [print, how] = text === ''
      ? [`printf '%s\\037' ${quoted(key.value)}`, ` -K "$(printf '\\037')"${tombstone.checked ? ' -Z' : ''}`]
      : [`printf %s ${quoted(text)}`, `${key.value === '' ? '' : ` -k ${quoted(key.value)}`}${text.includes('\n') ? " -D \"$(printf '\\036')\"" : ''}`];
    return `${print} | kcat -b ${server} -P -t ${quoted(topic.value)}${partition.value === '' ? '' : ` -p ${partition.value}`}${how}`
      + headersOf(headers.value).map((x) => ` -H ${quoted(`${x.name}=${x.value}`)}`).join('');
  };

  swap(place, heading('Produce'),
    h('form', { class: 'produce', submit: (event) => { event.preventDefault(); write(); } },
      h('div', { class: 'two' }, h('label', { class: 'field' }, h('span', {}, 'Topic'), topic, list, made), labelled('Partition', partition)),
      labelled('Key', key),
      h('label', { class: 'field' }, h('span', {}, 'Value'), value, kind),
      h('label', { class: 'check' }, tombstone, 'Null instead of a value'),
      labelled('Headers', headers, 'one a line'),
      h('div', { class: 'buttons' }, submit, copyButton('Copy as curl', curl), copyButton('Copy as kcat', kcat))),
    said, written);
  look('').catch((e) => scope.fail(e));
  judge();
}
