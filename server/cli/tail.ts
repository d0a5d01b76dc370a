import type { Command } from 'commander'
import { GatewayError, reasonOf } from '../../shared/errors.ts'
import type { MemberNotice, Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import { roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { durationOf } from '../lib/duration.ts'
import type { Terminal } from './command.ts'
import { createGatewayApi, withApiOptions } from './gateway-api.ts'
import type { ApiOptions } from './gateway-api.ts'
import { openPositions } from './positions-file.ts'
import { roomIn, withRoomOptions } from './room-options.ts'
import type { RoomOptions } from './room-options.ts'
import { parseSince, positionSince } from './since.ts'
import { visible } from './table.ts'

interface TailOptions extends ApiOptions, RoomOptions {
  readonly since?: string
  /** A file. */
  readonly position?: string
  readonly once: boolean
}

/** How often the lag is shown to a person who watches. */
const SHOW_EVERY_MS = 1_000

export function addTail(program: Command, terminal: Terminal): void {
  const command = program
    .command('tail')
    .description('follow the notices of a room, or of all rooms (the feed), as lines of JSON')
  withRoomOptions(command)
    .option(
      '--since <when>',
      'begin 10m ago, at a time (2026-11-27T10:00Z) or after a position (epoch:offset)',
    )
    .option('--position <file>', 'note in this file what was printed, and go on from there the next time')
    .option('--once', 'end once everything has been printed that is there', false)
    .addHelpText(
      'after',
      `
Each line is a notice, with "at", its position; or {"gap": why, "at": …} where notices are missing that are no longer
stored. It reconnects, and resumes without loss or doubles, until it is interrupted.

Exit codes: 0 interrupted, or nobody reads any more; 1 the gateway refuses, or with --once does not answer, or options
are wrong.

Example: recall-gateway tail --group lobby --since 10m --position lobby.position`,
    )
  withApiOptions(command).action((options: TailOptions) => tail(options, terminal))
}

/** Follows a room until it is interrupted. Rejects with what the gateway refuses it with; `once` also with SEND_FAILED. */
async function tail(options: TailOptions, terminal: Terminal): Promise<void> {
  const room = roomIn(options)
  const ending = terminal.ending()
  const api = createGatewayApi(options, terminal.environment)
  const positions =
    options.position === undefined ? undefined : openPositions(options.position, roomName(room))
  const given = options.since === undefined ? undefined : parseSince(options.since, Date.now())
  const isStored = positions?.load(roomName(room)) !== undefined
  const since = given === undefined || isStored ? undefined : await positionSince(api, room, given)
  // Only here, because a gateway that starts needs none.
  const { createRecallClient } = await import('../../shared/client.ts')
  const client = createRecallClient({ url: api.url, getToken: api.getToken, ...(positions && { positions }) })
  const progress = createProgress(terminal)

  const printLine = async (line: object): Promise<void> => {
    terminal.print(JSON.stringify(line))
    // Otherwise it would count as printed.
    if (!(await terminal.printed())) throw new Error('standard output did not take it')
  }
  const refused = new Promise<never>((_resolve, reject) => {
    client.on('state', ({ kind, code, reason }) => {
      if (kind === 'refused')
        reject(new GatewayError('ROOM_REFUSED', `${code}: ${reason ?? 'unknown reason'}`))
    })
    client.on('refused', ({ code, message, retry }) => {
      if (!retry) reject(new GatewayError('ROOM_REFUSED', `${code}: ${message}`))
    })
  })
  client.on('error', ({ source, error }) => {
    if (!ending.aborted) terminal.tell(`${source}: ${visible(reasonOf(error))}`)
  })
  client.on('gap', ({ reason, position }) => printLine({ gap: reason, at: textOf(position) }))

  const subscription = client.subscribe(
    room as Room,
    async (notice: Notice | MemberNotice) => {
      const epoch = subscription.position?.epoch ?? ''
      await printLine({ at: textOf({ epoch, offset: notice.offset }), ...notice })
      progress.printed(notice)
    },
    since === undefined ? {} : { since },
  )
  const isLive = new Promise<void>((resolve, reject) => {
    subscription.on('state', (state) => {
      progress.state(state)
      if (state.kind === 'live') resolve()
      // A program that asks what is there must not wait for as long as nobody can tell.
      if (options.once && state.kind === 'offline')
        reject(
          new GatewayError('SEND_FAILED', `${api.url} does not answer (${state.reason ?? 'unknown reason'})`),
        )
    })
  })
  try {
    await Promise.race([aborted(ending), refused, ...(options.once ? [isLive] : [])])
  } finally {
    const { position } = subscription
    progress.stop()
    client.close()
    if (position !== undefined) {
      positions?.save(roomName(room), position)
      terminal.tell(`position ${textOf(position)}`)
    }
    positions?.close()
  }
}

const textOf = ({ epoch, offset }: Position): string => `${epoch}:${offset}`

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })

/** Tells people how the connection is, and by how much notices are behind. */
function createProgress({ tell, show }: Terminal) {
  let count = 0
  let lagMs: number | undefined
  let kind = 'connecting'
  const timer = show && setInterval(() => show(describe()), SHOW_EVERY_MS).unref()

  const describe = (): string => {
    const lag = lagMs === undefined ? '' : `, the last one ${durationOf(lagMs)} after its webhook`
    return `${kind}, ${count} notices${lag}`
  }

  return {
    printed(notice: Notice | MemberNotice): void {
      count++
      // What was missed is late for another reason.
      if (kind === 'live' && 'receivedAtMs' in notice) lagMs = Math.max(0, Date.now() - notice.receivedAtMs)
    },
    state(state: { readonly kind: string; readonly reason?: string; readonly code?: string }): void {
      if (state.kind === kind || state.kind === 'closed') return
      kind = state.kind
      const why = state.reason === undefined ? '' : `: ${visible(state.reason)}`
      tell(`${new Date().toISOString()} ${describe()}${why}`)
    },
    stop(): void {
      clearInterval(timer)
      show?.()
    },
  }
}
