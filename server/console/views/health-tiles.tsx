import type { GoneProcess, PowerCutLoss, ProcessState } from '../../../shared/http-api.ts'
import { useLocale } from '../i18n/i18n.ts'
import { sumWebhooks } from '../state/webhooks.ts'

interface TilesProps {
  readonly processes: readonly ProcessState[]
  readonly gone: readonly GoneProcess[]
  /** Whether all processes could be asked. */
  readonly isComplete: boolean
}

/** The figures operators look for first. */
export function Tiles({ processes, gone, isComplete }: TilesProps) {
  const { t, number } = useLocale()
  const sockets = processes.reduce((sum, process) => sum + process.sockets, 0)
  return (
    <ul class={isComplete ? 'tiles' : 'tiles partial'}>
      <ReadyTile processes={processes} gone={gone} />
      <WebhooksTile processes={processes} isComplete={isComplete} />
      <DeliveryTile processes={processes} />
      <SpoolTile processes={processes} gone={gone} isComplete={isComplete} />
      <PowerCutTile processes={processes} />
      <QuarantineTile processes={processes} />
      <Tile
        name={t.health.sockets}
        value={number(sockets)}
        note={isComplete ? t.health.allNodes : t.health.thisProcess}
      />
    </ul>
  )
}

type TileTone = 'good' | 'warn' | 'bad'

interface TileProps {
  readonly name: string
  readonly value: string
  readonly note: string
  /** Undefined if no value is better than another. */
  readonly tone?: TileTone
  /** Where it leads. */
  readonly href?: string
}

function Tile({ name, value, note, tone, href }: TileProps) {
  return (
    <li class={`card tile ${tone ?? ''}`}>
      <h2>{href === undefined ? name : <a href={href}>{name}</a>}</h2>
      <strong>{value}</strong>
      <span>{note}</span>
    </li>
  )
}

function ReadyTile({ processes, gone }: Omit<TilesProps, 'isComplete'>) {
  const { health } = useLocale().t
  const ready = processes.filter((process) => process.ready).length
  const lost = gone.filter(({ stopped }) => !stopped).length
  const isReady = ready === processes.length && ready > 0
  const note = isReady ? health.allReady : health.notAllReady
  return (
    <Tile
      name={health.readyCount}
      value={`${ready} / ${processes.length}`}
      note={lost === 0 ? note : `${note} · ${health.goneCount(lost)}`}
      tone={!isReady ? 'bad' : lost > 0 ? 'warn' : 'good'}
    />
  )
}

function WebhooksTile({ processes, isComplete }: Omit<TilesProps, 'gone'>) {
  const { t, number } = useLocale()
  const { health } = t
  const webhooks = sumWebhooks(processes)
  if (webhooks === undefined && !isComplete)
    return <Tile name={health.webhooks} value={health.none} note={health.othersUnknown} />
  if (webhooks === undefined)
    return <Tile name={health.webhooks} value={health.none} note={health.noReceiver} tone="bad" />
  const { ok, refusedCount, failedCount, lastOkAgeMs } = webhooks
  const bad = refusedCount + failedCount
  const last = lastOkAgeMs === null ? health.noOk : health.lastOk(lastOkAgeMs / 1_000)
  const tone: TileTone | undefined = bad > 0 ? (ok === 0 ? 'bad' : 'warn') : ok > 0 ? 'good' : undefined
  return (
    <Tile
      name={health.webhooks}
      value={health.webhooksOk(number(ok))}
      note={bad > 0 ? `${health.webhooksBad(refusedCount, failedCount)} · ${last}` : last}
      {...(tone !== undefined && { tone })}
    />
  )
}

function DeliveryTile({ processes }: Pick<TilesProps, 'processes'>) {
  const { health } = useLocale().t
  const nodes = processes.filter(({ role }) => role !== 'receiver')
  if (nodes.length === 0)
    return <Tile name={health.delivery} value={health.none} note={health.noNode} tone="bad" />
  const inDoubt = nodes.filter(({ delivery }) => delivery?.proved === false)
  const probeAgeMs = Math.max(...nodes.map((node) => node.probeAgeMs))
  return (
    <Tile
      name={health.delivery}
      value={inDoubt.length === 0 ? health.proved : health.inDoubt}
      note={
        inDoubt.length === 0
          ? health.provedNote(probeAgeMs / 1_000)
          : health.provedOn(inDoubt.length, nodes.length)
      }
      tone={inDoubt.length === 0 ? 'good' : 'bad'}
    />
  )
}

/** What waits on disk, also on the disks of processes that are gone. Only receivers know, so without them nothing is good. */
function SpoolTile({ processes, gone, isComplete }: TilesProps) {
  const { t, number } = useLocale()
  const spooled =
    processes.reduce((sum, { spool }) => sum + (spool?.recalls ?? 0), 0) +
    gone.reduce((sum, { spooledRecalls }) => sum + spooledRecalls, 0)
  if (spooled === 0 && !isComplete)
    return <Tile name={t.health.spool} value={t.health.none} note={t.health.othersUnknown} />
  if (spooled === 0 && processes.every(({ role }) => role === 'node'))
    return <Tile name={t.health.spool} value={t.health.none} note={t.health.noReceiver} tone="bad" />
  const nowMs = Math.max(...processes.map(({ reportedAtMs }) => reportedAtMs))
  // What a process that is gone has left is at least as old as its last report.
  const leftAgesMs = gone.map(({ spooledRecalls, lastReportAtMs }) =>
    spooledRecalls > 0 ? nowMs - lastReportAtMs : 0,
  )
  const spoolAgeMs = Math.max(0, ...processes.map(({ spool }) => spool?.ageMs ?? 0), ...leftAgesMs)
  return (
    <Tile
      name={t.health.spool}
      value={number(spooled)}
      note={spooled === 0 ? t.health.allPublished : t.health.spoolAge(spoolAgeMs / 1_000)}
      tone={spooled === 0 ? 'good' : 'bad'}
    />
  )
}

/** The worst first. What nobody knows may be anything. */
const LOSSES: readonly PowerCutLoss[] = ['everything', 'minutes', 'unknown', 'seconds', 'nothing']

/** Processes of earlier versions do not tell. */
function PowerCutTile({ processes }: Pick<TilesProps, 'processes'>) {
  const { health } = useLocale().t
  const loss = LOSSES.find((one) => processes.some(({ powerCut }) => powerCut === one))
  if (loss === undefined) return null
  return (
    <Tile
      name={health.powerCut}
      value={health.powerCutLosses[loss]}
      note={loss === 'nothing' ? health.powerCutSafe : health.powerCutUnsafe}
      tone={loss === 'nothing' ? 'good' : 'warn'}
    />
  )
}

function QuarantineTile({ processes }: Pick<TilesProps, 'processes'>) {
  const { t, number } = useLocale()
  const counts = processes.flatMap(({ quarantined }) => quarantined ?? [])
  if (counts.length === 0) return null
  const count = counts.reduce((sum, one) => sum + one, 0)
  return (
    <Tile
      name={t.health.quarantine}
      value={number(count)}
      note={count === 0 ? t.health.notQuarantined : t.health.quarantined}
      href="#quarantine"
      tone={count === 0 ? 'good' : 'warn'}
    />
  )
}
