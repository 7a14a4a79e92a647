// Groups: how far behind each is, in records and in time, and why one is on the move.
import { h, swap, refresh, number, plural, pill, link, bar, table, empty, heading, command, duration, clock, date, time, runs } from './dom.js';
import { ask, bootstrap, groups, lagSummary, inLanes } from './api.js';
import { topicLink, groupLink } from './overview.js';

const EVERY_MS = 5000;
const STORY_EVERY_MS = 2000;
const DRAW_EVERY_MS = 500;
const SHOWN = 50;
const LANES = 4;
/** Of a member's topics. */
const MOST_NAMED = 20;

const STATES = { STABLE: 'good', EMPTY: 'plain', DEAD: 'plain' };

const STATE_NAMES = { PREPARINGREBALANCE: 'rebalancing: joining', COMPLETINGREBALANCE: 'rebalancing: assigning', RECONCILING: 'rebalancing: handing over', ASSIGNING: 'rebalancing: assigning' };

function statePill(state) {
  const known = state.toUpperCase();
  return pill(STATES[known] ?? 'warning', STATE_NAMES[known] ?? state.toLowerCase());
}

export function groupList(place, scope, none, query) {
  let part = query.get('contains') ?? '';
  let most = SHOWN;
  let all = null;
  let server = '';
  const lags = new Map();
  const list = h('div');
  const search = h('input', { type: 'search', id: 'contains', value: part, autocomplete: 'off', spellcheck: 'false', placeholder: 'Part of a name', input: () => {
    part = search.value.trim();
    history.replaceState(null, '', `#/groups?${new URLSearchParams({ contains: part })}`);
    look();
  } });
  place.append(heading('Consumer groups'),
    h('div', { class: 'bar-of-fields' }, h('label', { class: 'field' }, h('span', {}, 'Find'), search)), list);

  const matching = () => all.filter((g) => g.consumer_group_id.includes(part));

  function look() {
    if (all) {
      refresh(list, view());
      measure().catch((e) => scope.fail(e));
    }
  }

  let last = 0;
  /** Only of those that are shown, as there may be thousands; ends when others are to be shown. */
  async function measure() {
    const turn = ++last;
    let drawn = performance.now();
    await inLanes(LANES, matching().slice(0, most), async (group) => {
      const id = group.consumer_group_id;
      const lag = turn === last && await lagSummary(id, scope.signal).catch((e) => {
        if (scope.signal.aborted) {
          throw e;
        }
        return null;
      });
      if (turn === last) {
        lags.set(id, lag);
        if (performance.now() - drawn > DRAW_EVERY_MS) {
          refresh(list, view());
          drawn = performance.now();
        }
      }
    });
    if (turn === last) {
      refresh(list, view());
    }
  }

  function view() {
    if (all.length === 0) {
      return empty('No groups yet', h('p', {}, 'A group is there when a consumer joins it or commits an offset:'),
        command(`bin/troupe-console-consumer.sh --bootstrap-server ${server} --topic greetings --group tour --from-beginning`));
    }
    const found = matching();
    if (found.length === 0) {
      return empty('No group has that in its name', h('p', {}, `“${part}” was looked for.`));
    }
    const worst = Math.max(1, ...[...lags.values()].map((lag) => lag?.total_lag ?? 0));
    const ofLag = (g, show) => {
      const lag = lags.get(g.consumer_group_id);
      return lag === undefined ? '…' : lag === null ? '–' : show(lag);
    };
    return [
      table('Consumer groups', [
        { label: 'Group', class: 'name', cell: (g) => groupLink(g.consumer_group_id) },
        { label: 'State', cell: (g) => statePill(g.state) },
        { label: 'Protocol', cell: (g) => g.type || 'none' },
        { label: 'Lag, records', class: 'num', cell: (g) => ofLag(g, (lag) => h('span', { class: 'withbar' }, number(lag.total_lag), lag.total_lag > 0 && bar(lag.total_lag, worst, 'warning'))) },
        { label: 'Lag, time', class: 'num', cell: (g) => ofLag(g, (lag) => (lag.total_lag > 0 ? duration(lag.max_lag_ms) : '0 s')) },
        { label: 'Coordinator', class: 'num', cell: (g) => `broker ${g.coordinator.related.split('/').pop()}` },
      ], found.slice(0, most)),
      found.length > most && h('p', {}, h('button', { type: 'button', id: 'more', click: () => { most += SHOWN; look(); } }, `Show more of ${number(found.length)}`)),
    ];
  }

  scope.repeat(EVERY_MS, async () => {
    server = await bootstrap(scope.signal);
    all = await groups(scope.signal);
    refresh(list, view());
    await measure();
  });
}

export function groupPage(place, scope, name) {
  const head = h('div');
  const now = h('div', { 'aria-live': 'polite' });
  const lag = h('section', { 'aria-labelledby': 'lag' });
  const members = h('section', { 'aria-labelledby': 'members' });
  const story = h('section', { 'aria-labelledby': 'story' });
  place.append(heading(name), head, now, h('div', { class: 'columns' }, h('div', {}, lag, members), story));
  let most = SHOWN;
  let lastEvents = '';
  let lastNow = '';
  scope.repeat(STORY_EVERY_MS, async () => {
    const group = await ask(`group ${name}`, `/troupe/groups/${encodeURIComponent(name)}`, { signal: scope.signal });
    const waiting = group.events.filter((e) => e.kind === 'WAITING');
    const past = group.events.filter((e) => e.kind !== 'WAITING').reverse();
    refresh(head, h('p', { class: 'sub' }, statePill(group.state), ` ${group.type || 'no'} protocol${group.assignor ? `, assignor ${group.assignor}` : ''}, ${plural(group.members.length, 'member')}, coordinated by broker ${group.coordinator}.`));
    const text = JSON.stringify([waiting.map((e) => [e.member, e.text, Math.round(e.took_ms / 1000)]), group.state]);
    if (text !== lastNow) {
      lastNow = text;
      swap(now, why(group, waiting, past));
    }
    const lags = () => refresh(lag, lagView(group, most, () => { most += 4 * SHOWN; lags(); }));
    lags();
    refresh(members, memberView(group));
    // Only when it changed, so that nobody loses his place in it.
    if (JSON.stringify(past) !== lastEvents) {
      lastEvents = JSON.stringify(past);
      swap(story, storyView(past));
    }
  });
}

/** Why the group is on the move: who is waited for, and what began it. */
function why(group, waiting, past) {
  if (waiting.length === 0 && (STATES[group.state.toUpperCase()] !== undefined)) {
    return null;
  }
  const since = past.findIndex((e) => e.kind === 'ASSIGNED' || e.kind === 'EMPTY' || e.kind === 'LOADED');
  const causes = (since < 0 ? past : past.slice(0, since)).filter((e) => ['JOINED', 'REJOINED', 'LEFT', 'TIMED_OUT', 'REPLACED'].includes(e.kind)).reverse();
  return h('div', { class: 'box warning', id: 'why' },
    h('p', { class: 'title' }, 'This group rebalances'),
    waiting.map((e) => h('p', {}, 'It waits for ', e.member ? h('strong', { class: 'mono' }, e.member) : 'its members', ` ${e.text}`, e.took_ms >= 0 && `, for ${duration(e.took_ms)} now`, '.')),
    causes.length > 0 && h('p', {}, 'It began because ', causes.slice(0, 5).map((e, i) => [i > 0 && ', ', h('span', { class: 'mono' }, e.member || 'it'), ` ${KINDS[e.kind].label}`]), '.'));
}

/** Of the partitions; those with the most lag when there are too many. */
function lagView(group, most, more) {
  const greatest = (of) => group.lags.reduce((top, l) => Math.max(top, of(l)), 0);
  const worst = Math.max(1, greatest((l) => l.lag));
  const records = group.lags.reduce((sum, l) => sum + l.lag, 0);
  const waits = greatest((l) => l.lag_ms);
  const shown = group.lags.length <= most ? group.lags : [...group.lags].sort((a, b) => b.lag - a.lag).slice(0, most);
  return [
    h('h2', { id: 'lag' }, 'Lag'),
    group.lags.length === 0
      ? h('p', { class: 'sub' }, 'It has committed no offsets yet.')
      : [
        h('p', { class: 'sub' }, records === 0 ? 'All is read.' : `${plural(records, 'record')} in all; the oldest that is not read has been there for ${duration(waits)}.`),
        table('Lag', [
          { label: 'Partition', class: 'name', cell: (l) => [topicLink(l.topic), ` ${l.partition}`] },
          { label: 'Lag, records', class: 'num', cell: (l) => h('span', { class: 'withbar' }, number(l.lag), l.lag > 0 && bar(l.lag, worst, 'warning')) },
          { label: 'Lag, time', class: 'num', cell: (l) => (l.lag === 0 ? '0 s' : duration(l.lag_ms)) },
          { label: 'Committed', class: 'num', cell: (l) => link(`#/records?topic=${encodeURIComponent(l.topic)}&partition=${l.partition}&from=offset&offset=${l.current_offset}`, number(l.current_offset)) },
          { label: 'End', class: 'num', cell: (l) => number(l.log_end_offset) },
        ], shown),
        shown.length < group.lags.length && h('p', {}, h('button', { type: 'button', id: 'more', click: more }, `Show more of ${number(group.lags.length)}; those with the most lag come first`)),
      ],
  ];
}

function assignment(byTopic) {
  const topics = Object.entries(byTopic);
  const more = topics.length - MOST_NAMED;
  return topics.length === 0 ? 'nothing'
    : [topics.slice(0, MOST_NAMED).map(([topic, partitions], i) => [i > 0 && '; ', `${topic} ${runs(partitions)}`]), more > 0 && `; and ${plural(more, 'more topic')}`];
}

function memberView(group) {
  return [
    h('h2', { id: 'members' }, 'Members'),
    group.members.length === 0
      ? h('p', { class: 'sub' }, 'None is in it now; offsets stay.')
      : table('Members', [
        { label: 'Member', class: 'mono name', cell: (m) => m.instance_id ?? m.member_id },
        { label: 'Client', cell: (m) => `${m.client_id} at ${m.host.replace(/^\//, '')}` },
        { label: 'Has', cell: (m) => assignment(m.owns) },
        { label: 'Is to have', cell: (m) => (m.target === null || JSON.stringify(m.target) === JSON.stringify(m.owns) ? 'the same' : assignment(m.target)) },
      ], group.members),
  ];
}

const KINDS = {
  LOADED: { label: 'loaded', kind: 'plain' },
  JOINED: { label: 'joined', kind: 'good' },
  REJOINED: { label: 'rejoined', kind: 'warning' },
  REPLACED: { label: 'replaced', kind: 'warning' },
  LEFT: { label: 'left', kind: 'warning' },
  TIMED_OUT: { label: 'timed out', kind: 'bad' },
  REBALANCING: { label: 'rebalancing', kind: 'warning' },
  JOINED_ALL: { label: 'all joined', kind: 'plain' },
  ASSIGNED: { label: 'assigned', kind: 'good' },
  STORE_FAILED: { label: 'store failed', kind: 'bad' },
  EMPTY: { label: 'empty', kind: 'plain' },
};

function storyView(past) {
  return [
    h('h2', { id: 'story' }, 'What happened'),
    past.length === 0
      ? h('p', { class: 'sub' }, 'Nothing since its coordinator took over.')
      : h('ol', { class: 'story' }, past.map((e) => {
        const kind = KINDS[e.kind] ?? { label: e.kind.toLowerCase().replaceAll('_', ' '), kind: 'plain' };
        return h('li', { class: kind.kind },
          h('p', {}, h('time', { datetime: new Date(e.time_ms).toISOString(), title: date(e.time_ms) }, clock(e.time_ms)), ' ', pill(kind.kind, kind.label),
            e.took_ms >= 0 && h('span', { class: 'took' }, ` took ${duration(e.took_ms)}`), h('span', { class: 'epoch' }, ` epoch ${e.epoch}`)),
          e.member && h('p', { class: 'mono who' }, e.member),
          e.text && h('p', { class: 'text' }, e.text));
      })),
    past.length > 0 && h('p', { class: 'sub' }, 'The last 50, newest first; kept in the memory of its coordinator. ', time(past[past.length - 1].time_ms), ' is the oldest.'),
  ];
}
