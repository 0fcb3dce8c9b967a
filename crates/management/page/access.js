// What an application may call and who manages it; the WMDA team changes both.

import { h, name, replace } from './dom.js';
import { all, patch, post, remove } from './api.js';
import { isAdmin } from './session.js';
import { day } from './dates.js';
import { icon } from './icons.js';
import { field, form, input, select } from './forms.js';
import { confirm, openDialog } from './dialogs.js';
import { note, toast } from './notices.js';
import { guarded } from './lists.js';

export function accessSection(application, tools) {
  const path = `/applications/${application.client_id}/permissions`;
  const problem = h('div', { role: 'alert' });
  const take = async (one) => {
    const agreed = await confirm({
      title: `Take ${one.resource_name} (${one.environment}) away?`,
      danger: true,
      yes: 'Take it away',
      body: h('p', {}, application.name, ' gets no token for it any more, at once.'),
    });
    if (!agreed) return;
    await guarded(problem, async () => {
      await remove(`${path}/${one.resource_id}`);
      toast(`${one.resource_name} (${one.environment}) was taken away.`);
      await tools.refresh();
    });
  };
  return h(
    'section',
    { 'aria-labelledby': 'access-title' },
    h(
      'div',
      { class: 'section-head' },
      h('h2', { id: 'access-title' }, 'APIs it may call'),
      isAdmin() &&
        h(
          'button',
          {
            type: 'button',
            class: 'button',
            'data-key': 'grant',
            onclick: () => guarded(problem, () => grant(path, tools)),
          },
          icon('plus'),
          'Grant',
        ),
    ),
    problem,
    application.permissions.length === 0
      ? h('p', { class: 'panel empty' }, 'None yet. The WMDA team grants them.')
      : h(
          'ul',
          { class: 'panel rows' },
          application.permissions.map((one) =>
            h(
              'li',
              {},
              h(
                'div',
                {},
                h('strong', {}, name(one.resource_name)),
                ' ',
                h(
                  'span',
                  { class: `badge ${one.environment}` },
                  one.environment === 'production' ? 'Production' : 'Sandbox',
                ),
                h(
                  'div',
                  { class: 'muted small' },
                  one.roles.map((role) => h('code', {}, role)),
                  ' · resource ',
                  h('code', {}, one.resource_id),
                ),
              ),
              isAdmin() &&
                h(
                  'button',
                  {
                    type: 'button',
                    class: 'button quiet danger',
                    'data-key': `revoke-${one.resource_id}`,
                    onclick: () => take(one),
                  },
                  'Take away',
                  h('span', { class: 'unseen' }, ` ${one.resource_name} ${one.environment}`),
                ),
            ),
          ),
        ),
  );
}

async function grant(path, tools) {
  const resources = await all('/resources').catch(() => []);
  const which = field('API', select(resources.map((one) => [one.id, `${one.name} (${one.environment})`])));
  const roles = h('div', { class: 'checks' });
  const error = h('div', { class: 'field-error', role: 'alert' });
  const offer = () => {
    const chosen = resources.find((one) => one.id === which.control.value);
    replace(
      roles,
      (chosen?.roles ?? []).map((role) =>
        h(
          'label',
          { class: 'check' },
          h('input', { type: 'checkbox', value: role, checked: true }),
          h('code', {}, role),
        ),
      ),
    );
  };
  which.control.addEventListener('change', offer);
  offer();
  const dialog = openDialog({
    title: 'Grant an API',
    body: form({
      fields: [which, h('fieldset', { class: 'fieldset' }, h('legend', {}, 'Roles'), roles, error)],
      submit: 'Grant',
      cancel: () => dialog.close(),
      send: async () => {
        const chosen = [...roles.querySelectorAll('input:checked')].map((one) => one.value);
        replace(error, chosen.length ? null : 'Choose at least one role.');
        if (chosen.length === 0) return false;
        const made = await post(path, { resource_id: which.control.value, roles: chosen });
        dialog.close();
        toast(`${made.resource_name} (${made.environment}) was granted.`);
        await tools.refresh();
        return true;
      },
    }),
  });
  which.control.focus();
}

export function managersSection(application, tools) {
  const path = `/applications/${application.client_id}/managers`;
  const problem = h('div', { role: 'alert' });
  const end = async (one) => {
    const agreed = await confirm({
      title: 'End this assignment?',
      danger: true,
      yes: 'End it',
      body: h(
        'p',
        {},
        name(one.display_name),
        ' can’t manage the secrets of ',
        application.name,
        ' any more, from the next click on.',
      ),
    });
    if (!agreed) return;
    await guarded(problem, async () => {
      await remove(`${path}/${one.user_id}`);
      toast(`${one.display_name} is no manager of it any more.`);
      await tools.refresh();
    });
  };
  const able = application.managers.filter((one) => one.enabled).length;
  return h(
    'section',
    { 'aria-labelledby': 'managers-title' },
    h(
      'div',
      { class: 'section-head' },
      h('h2', { id: 'managers-title' }, 'Managers'),
      isAdmin() &&
        h(
          'button',
          {
            type: 'button',
            class: 'button',
            'data-key': 'assign',
            onclick: () => guarded(problem, () => assign(application, path, tools)),
          },
          icon('plus'),
          'Assign',
        ),
    ),
    problem,
    able < 2 &&
      note(
        'warning',
        able === 0 ? 'Nobody can sign in to manage it.' : 'Only one person can sign in to manage it.',
        ' If that person is ill or leaves, nobody rotates its secrets. ',
        isAdmin() ? 'Ask the organisation for another one.' : 'Ask the WMDA team to assign a colleague.',
      ),
    application.managers.length > 0 &&
      h(
        'ul',
        { class: 'panel rows' },
        application.managers.map((one) =>
          h(
            'li',
            {},
            h(
              'div',
              {},
              h('strong', {}, name(one.display_name)),
              ' ',
              !one.enabled && h('span', { class: 'badge danger' }, 'Disabled'),
              h(
                'div',
                { class: 'muted small' },
                h('a', { href: `mailto:${one.email}` }, one.email),
                ' · confirmed by ',
                name(one.confirmed_by),
                ', ',
                day(one.confirmed_at),
              ),
            ),
            isAdmin() &&
              h(
                'button',
                {
                  type: 'button',
                  class: 'button quiet danger',
                  'data-key': `unassign-${one.user_id}`,
                  onclick: () => end(one),
                },
                'End',
                h('span', { class: 'unseen' }, ' the assignment of ', name(one.display_name)),
              ),
          ),
        ),
      ),
  );
}

async function assign(application, path, tools) {
  const assigned = new Set(application.managers.map((one) => one.user_id));
  const people = (await all('/users')).filter(
    (one) => one.enabled && one.organisation_id === application.organisation_id && !assigned.has(one.id),
  );
  if (people.length === 0) {
    const empty = openDialog({
      title: 'Assign a manager',
      kind: 'small',
      body: [
        h(
          'p',
          {},
          'Everybody of ',
          name(application.organisation_name),
          ' who can sign in manages it already. Add a person first.',
        ),
        h(
          'div',
          { class: 'actions' },
          h('a', { class: 'button primary', href: '#/people', onclick: () => empty.close() }, 'People'),
          h('button', { type: 'button', class: 'button', onclick: () => empty.close() }, 'Cancel'),
        ),
      ],
    });
    return;
  }
  const who = field('Person', select(people.map((one) => [one.id, `${one.display_name} (${one.email})`])));
  const confirmed = field('Confirmed by', input({ maxlength: 120 }), {
    advice: 'Who in the organisation confirmed it. No assignment without that.',
  });
  const dialog = openDialog({
    title: 'Assign a manager',
    body: form({
      fields: [who, confirmed],
      submit: 'Assign',
      cancel: () => dialog.close(),
      send: async () => {
        if (!confirmed.control.value.trim()) {
          confirmed.fail('Name who confirmed it.');
          return false;
        }
        const made = await post(path, { user_id: who.control.value, confirmed_by: confirmed.control.value.trim() });
        dialog.close();
        toast(`${made.display_name} manages it now.`);
        await tools.refresh();
        return true;
      },
    }),
  });
  who.control.focus();
}

/** Disables or enables the whole application. */
export function switchButton(application, tools) {
  if (!isAdmin()) return null;
  const problem = h('div', { role: 'alert' });
  const turn = async () => {
    const on = !application.enabled;
    const agreed = await confirm(
      on
        ? { title: `Enable ${application.name}?`, yes: 'Enable', body: h('p', {}, 'Its secrets work again at once.') }
        : {
            title: `Disable ${application.name}?`,
            yes: 'Disable',
            danger: true,
            body: h(
              'p',
              {},
              'It gets no token any more, at once and with any of its secrets, until you enable it again.',
            ),
          },
    );
    if (!agreed) return;
    await guarded(problem, async () => {
      await patch(`/applications/${application.client_id}`, { enabled: on });
      toast(`${application.name} is ${on ? 'enabled' : 'disabled'}.`);
      await tools.refresh();
    });
  };
  return h(
    'div',
    {},
    h(
      'button',
      {
        type: 'button',
        class: application.enabled ? 'button danger quiet' : 'button primary',
        'data-key': 'switch',
        onclick: turn,
      },
      application.enabled ? 'Disable application' : 'Enable application',
    ),
    problem,
  );
}
