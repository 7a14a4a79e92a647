// Topics, and where the replicas of each partition stand.
import { h, refresh, number, plural, pill, link, table, empty, heading, command, pager, firstOf } from './dom.js';
import { ask, bootstrap, topicsLike } from './api.js';
import { topicLink } from './overview.js';

const EVERY_MS = 5000;
const PAGE = 100;

export function topicList(place, scope, none, query) {
  let part = query.get('contains') ?? '';
  let internal = query.get('internal') === 'true';
  let first = firstOf(query, PAGE);
  const list = h('div');
  const at = (from) => `#/topics?${new URLSearchParams({ contains: part, internal, first: from })}`;
  const look = () => {
    part = search.value.trim();
    internal = box.checked;
    first = 0;
    history.replaceState(null, '', at(first));
    load().catch((e) => scope.fail(e, look));
  };
  const search = h('input', { type: 'search', id: 'contains', value: part, autocomplete: 'off', spellcheck: 'false', placeholder: 'Part of a name', input: look });
  const box = h('input', { type: 'checkbox', id: 'internal', checked: internal, change: look });
  place.append(heading('Topics', link('#/produce', 'Produce')),
    h('div', { class: 'bar-of-fields' },
      h('label', { class: 'field' }, h('span', {}, 'Find'), search),
      h('label', { class: 'check' }, box, 'Internal topics, too')),
    list);
  let last = 0;
  async function load() {
    const turn = ++last;
    const found = await topicsLike(part, internal, first, PAGE, scope.signal);
    const server = await bootstrap(scope.signal);
    if (turn === last) {
      refresh(list, topics(found, part, internal, server), pager('Topics', found.found, first, PAGE, at));
    }
  }
  scope.repeat(EVERY_MS, load);
}

function topics(found, part, internal, server) {
  if (found.found === 0) {
    return part
      ? empty('No topic has that in its name', h('p', {}, `“${part}” was looked for${internal ? '' : ', not among internal topics'}.`))
      : empty('No topics yet',
        h('p', {}, 'A topic is made when something is first written to it: ', link('#/produce', 'write a record'), ', or make one with as many partitions as you like:'),
        command(`bin/troupe-topics.sh --bootstrap-server ${server} --create --topic greetings --partitions 3`));
  }
  return table('Topics', [
    { label: 'Topic', class: 'name', cell: (t) => [topicLink(t.name), t.internal && [' ', pill('plain', 'internal')]] },
    { label: 'Partitions', class: 'num', cell: (t) => number(t.partitions) },
    { label: 'Replicas each', class: 'num', cell: (t) => number(t.replication_factor) },
    { label: 'State', cell: state },
  ], found.topics);
}

function state(t) {
  return [
    t.offline > 0 && pill('bad', `${number(t.offline)} without a leader`),
    t.under_min_isr > 0 && pill('bad', `${number(t.under_min_isr)} refuse acks=all`),
    t.under_replicated > 0 && pill('warning', `${number(t.under_replicated)} under-replicated`),
    t.reassigning > 0 && pill('plain', `${number(t.reassigning)} being moved`),
    t.offline + t.under_min_isr + t.under_replicated === 0 && pill('good', 'well'),
  ];
}

export function topicPage(place, scope, name, query) {
  const first = firstOf(query, PAGE);
  const path = encodeURIComponent(name);
  const head = h('div');
  const settings = h('div');
  const list = h('section', { 'aria-label': 'Partitions' });
  place.append(heading(name,
    link(`#/records?topic=${path}`, 'Records'),
    link(`#/produce?topic=${path}`, 'Produce')), head, legend(), list, settings);
  scope.repeat(EVERY_MS, async () => {
    const topic = await ask(`topic ${name}`, `/troupe/topics/${path}?first=${first}&count=${PAGE}`, { signal: scope.signal });
    const t = topic.totals;
    refresh(head, h('p', { class: 'sub' }, `${plural(t.partitions, 'partition')}, acks=all needs ${plural(topic.min_insync_replicas, 'replica')} in sync. `, state(t)));
    refresh(list, partitions(name, topic.partitions), pager('Partitions', t.partitions, first, PAGE, (from) => `#/topics/${path}?first=${from}`));
    refresh(settings, configs(topic, await bootstrap(scope.signal)));
  });
}

const NAMES = {
  leader: 'leader', in_sync: 'in sync', catching_up: 'catching up', added: 'being added', stopping: 'stopping',
  fenced: 'fenced', log_failed: 'log dir failed', gone: 'gone', waiting: 'waiting for a leader',
};

function legend() {
  return h('ul', { class: 'legend', 'aria-label': 'What the marks of replicas mean' },
    [['leader', 'leads'], ['in_sync', 'in sync'], ['catching_up', 'behind'], ['fenced', 'away or failed']]
      .map(([kind, text]) => h('li', {}, h('span', { class: `rep ${kind}`, 'aria-hidden': 'true' }, 'n'), text)));
}

/** The replicas of a partition, one mark each, in order of preference. */
function replicaMap(replicas) {
  return h('ul', { class: 'map', 'aria-label': 'Replicas' }, replicas.map((r) =>
    h('li', { class: `rep ${r.state}`, title: r.reason ?? `Broker ${r.broker_id}: ${NAMES[r.state]}` }, String(r.broker_id), h('span', { class: 'sr' }, ` ${NAMES[r.state]}`))));
}

function partitions(name, list) {
  return table('Partitions', [
    { label: 'Partition', cell: (p) => h('strong', {}, String(p.partition)) },
    { label: 'Replicas on brokers', class: 'wide', cell: (p) => [replicaMap(p.replicas), reasons(p)] },
    { label: 'Leader epoch', class: 'num', cell: (p) => number(p.leader_epoch) },
    { label: 'Offsets', class: 'num mono', cell: (p) => (p.end_offset === null ? 'not told' : `${number(p.beginning_offset)} – ${number(p.end_offset)}`) },
    { label: 'Records, at most', class: 'num', cell: (p) => (p.end_offset === null ? '–' : link(`#/records?topic=${encodeURIComponent(name)}&partition=${p.partition}`, number(p.end_offset - p.beginning_offset))) },
  ], list);
}

function reasons(p) {
  const why = p.replicas.filter((r) => r.reason);
  return [
    p.leader < 0 && h('p', { class: 'why bad' }, 'Nobody leads: it can be neither written nor read.'),
    p.leader >= 0 && !p.takes_acks_all && h('p', { class: 'why bad' }, 'acks=all is refused: too few replicas are in sync.'),
    why.length > 0 && h('ul', { class: 'why' }, why.map((r) => h('li', {}, r.reason))),
  ];
}

function configs(topic, server) {
  const own = Object.entries(topic.configs);
  const alter = `bin/troupe-configs.sh --bootstrap-server ${server} --alter --topic ${topic.name} --add-config retention.ms=3600000`;
  return [
    h('h2', {}, 'Its own settings'),
    own.length > 0
      ? table('Settings', [
        { label: 'Setting', class: 'mono', cell: (c) => c[0] },
        { label: 'Value', class: 'mono', cell: (c) => c[1] },
      ], own.sort())
      : h('p', { class: 'sub' }, 'None: it goes by the brokers’ defaults. To give it one:'),
    own.length === 0 && command(alter),
  ];
}
