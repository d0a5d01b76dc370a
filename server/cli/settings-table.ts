import type { ConfigurationResponse } from '../../shared/http-api/configuration.ts'
import { settingsInEffect } from '../../shared/settings-in-effect.ts'
import { nameOf, shortId, tableOf, visible } from './table.ts'

/** Returns the settings in effect as lines for people: those that differ first, and no defaults. */
export function describeSettings(response: ConfigurationResponse): string[] {
  const { processes, differences, unanswered } = response
  // A row for each value that is in effect somewhere.
  const rows = settingsInEffect(response)
    .filter(({ isDefault }) => !isDefault)
    .flatMap(({ name, differs, values }) =>
      values.map(({ setting: { value, origin }, processes: having }) => [
        differs ? `${name} *` : name,
        value === null ? 'not set' : visible(value),
        origin,
        having.length === processes.length ? 'all' : having.map(({ id }) => shortId(id)).join(', '),
      ]),
    )
  return [
    differences.length === 0
      ? agreement(unanswered.length)
      : `DIFFERENT between processes: ${differences.join(', ')}`,
    '',
    ...tableOf(
      ['PROCESS', 'HOST', 'ROLE', 'VERSION', 'NODE.JS'],
      processes.map(({ id, host, role, version, node }) => [
        shortId(id),
        visible(host),
        role,
        visible(version),
        visible(node),
      ]),
    ),
    '',
    ...tableOf(['SETTING', 'VALUE', 'ORIGIN', 'PROCESSES'], rows),
    ...unanswered.map(({ id, host, why }) => `Process ${nameOf(id, host)} did not answer: ${visible(why)}`),
  ]
}

const agreement = (unanswered: number): string =>
  unanswered === 0
    ? 'The settings of all processes agree.'
    : 'The settings of the processes that answered agree; those of others are not known.'
