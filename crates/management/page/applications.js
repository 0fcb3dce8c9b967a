// The list of applications, each with what its manager needs to know first.

import { all } from './api.js';
import { add, h, name, replace } from './dom.js';
import { icon } from './icons.js';
import { environmentBadge, pagedList, searchBox } from './lists.js';
import { copyButton } from './notices.js';
import { rotations } from './rotation.js';
import { statusBadge } from './secrets.js';
import { isAdmin, manages, seesAll, session } from './session.js';
import { t, titled } from './texts.js';

const words = t.applications;
/** Above this number the list fetches no secrets, to limit requests. */
const WITH_SECRETS = 12;
/** This many are found without a search. */
const FEW = 5;

/** Production, sandbox or both, by the application's permissions. */
export function environments(application) {
  const found = [...new Set(application.permissions.map((one) => one.environment))].sort();
  return found.length === 0 ? [h('span', { class: 'badge' }, words.noApi)] : found.map(environmentBadge);
}

/** The managers' settings, shown to save opening the application. */
export function decisions(application) {
  return [
    application.self_rotation && h('span', { class: 'badge' }, icon('rotate'), words.rotatesItself),
    words.networks[application.networks_mode] &&
      h('span', { class: 'badge' }, icon('info'), words.networks[application.networks_mode]),
  ];
}

/** The names of the APIs, without duplicates. */
const apiNames = (application) => [...new Set(application.permissions.map((one) => one.resource_name))].join(', ');

export async function applicationsView(main, { signal }) {
  titled(words.title);
  const list = h('div', { class: 'cards' });
  const paged = pagedList({
    path: '/applications',
    signal,
    filters: { search: '' },
    show: (items, fresh) => {
      if (fresh) replace(list);
      const withSecrets = items.length <= WITH_SECRETS;
      add(
        list,
        items.map((one) => card(one, withSecrets || manages(one.client_id), signal)),
      );
      if (fresh && items.length === 0) replace(list, empty(paged.filters.search));
    },
  });
  await paged.load();
  const many = seesAll() || session.manages.length > FEW;
  const create = () => newApplication(signal);
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h(
        'div',
        {},
        h('h1', { tabindex: '-1' }, seesAll() ? words.title : words.yours),
        h('p', { class: 'lead' }, words.lead),
      ),
      isAdmin() && h('button', { type: 'button', class: 'button primary', onclick: create }, icon('plus'), words.add),
    ),
    many && searchBox(words.search, (search) => paged.filter({ search }), paged.filters.search),
    list,
    paged.more,
  );
}

async function newApplication(signal) {
  const { openNewApplication } = await import('./new-application.js');
  return openNewApplication(signal);
}

function empty(search) {
  return h('p', { class: 'panel empty' }, search ? words.notFound(h('strong', {}, name(search))) : words.none);
}

function card(application, withSecrets, signal) {
  const summary = h('div', { class: 'card-secrets' });
  if (withSecrets) summarise(summary, application.client_id, signal);
  const apis = apiNames(application);
  return h(
    'article',
    { class: 'panel card' },
    h(
      'div',
      { class: 'card-head' },
      h('h2', {}, h('a', { class: 'cover', href: `#/applications/${application.client_id}` }, application.name)),
      environments(application),
      decisions(application),
      !application.enabled && h('span', { class: 'badge danger' }, icon('stop'), t.state.disabled),
    ),
    h('p', { class: 'muted' }, name(application.organisation_name), apis && ` · ${apis}`),
    h(
      'p',
      { class: 'id-line' },
      h('span', { class: 'muted' }, t.clientId, ' '),
      h('code', {}, application.client_id),
      copyButton(application.client_id, words.clientIdOf(application.name)),
    ),
    summary,
    application.warnings.length > 0 && h('p', { class: 'hint-line' }, icon('people'), words.tooFewManagers),
  );
}

async function summarise(place, clientId, signal) {
  try {
    const secrets = await all(`/applications/${clientId}/secrets`, { signal });
    const leaked = secrets.filter((one) => one.leak_reported_at);
    const ending = secrets.filter((one) => one.status !== 'active' && !one.leak_reported_at);
    const urgent = [...leaked, ...ending].slice(0, 3);
    replace(
      place,
      h('span', { class: 'muted' }, words.secrets(secrets.length)),
      urgent.map(statusBadge),
      rotations(secrets).length > 0 && h('span', { class: 'badge production' }, icon('rotate'), t.rotation.underWay),
    );
  } catch {
    /* The card is shown without it; the application's own view reports the error. */
  }
}
