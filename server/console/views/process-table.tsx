import type { ProcessState } from '../../../shared/http-api.ts'
import { useLocale } from '../i18n/i18n.ts'
import { Timestamp } from '../ui/labels.tsx'

export function ProcessTable({ processes }: { readonly processes: readonly ProcessState[] }) {
  const { health } = useLocale().t
  return (
    <section class="card processes" aria-labelledby="processes">
      <h2 id="processes">{health.processes}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="processes">
        <table>
          <thead>
            <tr>
              <th scope="col">{health.process}</th>
              <th scope="col">{health.state}</th>
              <th scope="col" class="figure">
                {health.sockets}
              </th>
              <th scope="col" class="figure">
                {health.rooms}
              </th>
              <th scope="col">{health.probe}</th>
              <th scope="col">{health.spool}</th>
              <th scope="col">{health.startedAt}</th>
            </tr>
          </thead>
          <tbody>
            {processes
              .toSorted((one, other) => one.startedAtMs - other.startedAtMs)
              .map((process) => (
                <ProcessRow key={process.id} process={process} />
              ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function ProcessRow({ process }: { readonly process: ProcessState }) {
  const { t, number } = useLocale()
  const { id, role, ready, sockets, rooms, probeAgeMs, spool, startedAtMs } = process
  return (
    <tr>
      <th scope="row">
        <code title={id}>{id.slice(0, 8)}</code> <small>{t.health.roles[role]}</small>
      </th>
      <td>
        <span class={`dot ${ready ? 'live' : 'refused'}`}>{ready ? t.health.ready : t.health.notReady}</span>
      </td>
      <td class="figure">{number(sockets)}</td>
      <td class="figure">{number(rooms)}</td>
      <td>{t.health.ago(probeAgeMs / 1_000)}</td>
      <td>{spool === undefined ? t.health.noSpool : t.health.spooled(spool.recalls, spool.ageMs / 1_000)}</td>
      <td>
        <Timestamp atMs={startedAtMs} />
      </td>
    </tr>
  )
}
