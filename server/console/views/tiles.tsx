import type { ProcessState } from '../state/api.ts'
import { useSpeech } from '../i18n/i18n.ts'

/** A probe goes every second: one that is older did not come back. */
const PROVED_WITHIN_MS = 5_000

/** The four answers one looks for first. */
export function Tiles({ processes }: { readonly processes: readonly ProcessState[] }) {
  const { words, number } = useSpeech()
  const ready = processes.filter((one) => one.ready).length
  const sockets = processes.reduce((sum, one) => sum + one.sockets, 0)
  const spooled = processes.reduce((sum, { spool }) => sum + (spool?.recalls ?? 0), 0)
  const spoolMs = Math.max(0, ...processes.map(({ spool }) => spool?.ageMs ?? 0))
  const probeMs = Math.max(0, ...processes.map(({ probeAgeMs }) => probeAgeMs))
  return (
    <ul class="tiles">
      <Tile
        name={words.health.ready}
        value={`${ready} / ${processes.length}`}
        note={ready === processes.length ? words.health.allReady : words.health.notAllReady}
        isGood={ready === processes.length && ready > 0}
      />
      <Tile
        name={words.health.probe}
        value={words.health.ago(probeMs / 1_000)}
        note={words.health.probeNote}
        isGood={probeMs < PROVED_WITHIN_MS}
      />
      <Tile
        name={words.health.spool}
        value={number(spooled)}
        note={spooled === 0 ? words.health.spoolEmpty : words.health.oldest(spoolMs / 1_000)}
        isGood={spooled === 0}
      />
      <Tile name={words.health.sockets} value={number(sockets)} note={words.health.socketsNote} />
    </ul>
  )
}

interface TileProps {
  readonly name: string
  readonly value: string
  readonly note: string
  /** Undefined where no value is better than another. */
  readonly isGood?: boolean
}

function Tile({ name, value, note, isGood }: TileProps) {
  const mark = isGood === undefined ? '' : isGood ? ' good' : ' bad'
  return (
    <li class={`card tile${mark}`}>
      <h2>{name}</h2>
      <strong>{value}</strong>
      <span>{note}</span>
    </li>
  )
}
