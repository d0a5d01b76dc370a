import { expect } from 'chai'
import { DataFolders } from '../../server/telemetry/data-folders.ts'
import { decodeNote, encodeNote } from '../../server/telemetry/folder-notes.ts'
import type { FolderNote } from '../../server/telemetry/folder-notes.ts'
import { encodeHeartbeat } from '../../server/telemetry/heartbeat-state.ts'
import type { HeartbeatState } from '../../server/telemetry/heartbeat-state.ts'
import { createOverview } from '../../server/telemetry/overview.ts'
import type { OwnState } from '../../server/telemetry/own-state.ts'
import { waitUntil } from '../support/wait.ts'

const HOUR_MS = 3_600_000
const STATE: HeartbeatState = {
  role: 'all',
  startedAtMs: 1,
  ready: true,
  sockets: 0,
  rooms: 0,
  probeAgeMs: 5,
  delivery: { proved: true },
  reasons: [],
  warnings: [],
  counts: { webhooksOk: 0, webhooksRefused: 0, kept: 0, delivered: 0 },
  latencyMs: { p50: null, p99: null },
}
const RECEIVER = { ...STATE, role: 'receiver' as const, dataFolder: 'folder', host: 'host-2' }
const NOTE: FolderNote = {
  folder: 'folder',
  id: 'killed',
  role: 'receiver',
  host: 'host-2',
  startedAtMs: 1,
  what: 'used',
  recalls: 0,
}

/** A process that sees these heartbeats, and the notes that are in the store. */
function open() {
  const stored: { readonly atMs: number; readonly text: string }[] = []
  const state = { isAway: false, reads: 0 }
  const records = {
    async record(_name: 'folders', text: string) {
      if (state.isAway) throw new Error('away')
      stored.unshift({ atMs: Date.now(), text })
    },
    async records() {
      state.reads++
      if (state.isAway) throw new Error('away')
      return { records: stored }
    },
  }
  const createFolders = (id: string, dataFolder: string | undefined, recalls = 0) =>
    new DataFolders({
      broker: records,
      own: { id, role: 'receiver', host: 'host-2', dataFolder },
      recallsOnDisk: () => recalls,
    })
  let heartbeats: { id: string; ageMs: number; text: string }[] = []
  const own: OwnState = { id: 'self', read: () => STATE }
  const folders = createFolders('self', undefined)
  const look = async () => {
    // A process reads notes every some seconds only: this one has just started.
    const overview = createOverview({
      own,
      readHeartbeats: async () => heartbeats,
      reasons: () => [],
      folders: createFolders('self', undefined),
    })
    const { problems, gone } = await overview.read()
    return {
      problems: problems.map(({ severity, code }) => `${severity} ${code}`),
      messages: problems.map(({ message }) => message).join(),
      gone: gone.map(({ id, spooledRecalls }) => `${id} ${spooledRecalls}`),
    }
  }
  return {
    stored,
    state,
    folders,
    createFolders,
    look,
    notes: () => stored.map(({ text }) => decodeNote(text)?.what),
    hear: (...heard: readonly { id: string; ageMs: number; state: HeartbeatState }[]) => {
      heartbeats = heard.map(({ id, ageMs, state: of }) => ({ id, ageMs, text: encodeHeartbeat(of) }))
    },
    note: (note: Partial<FolderNote>, ageMs: number) =>
      stored.unshift({ atMs: Date.now() - ageMs, text: encodeNote({ ...NOTE, ...note }) }),
  }
}

describe('data folders that nobody has taken over', () => {
  it('are a problem for a month, though heartbeats are forgotten after ten minutes', async () => {
    const { note, look } = open()
    expect((await look()).problems).to.deep.equal([])
    note({}, 5 * HOUR_MS)
    const vanished = await look()
    expect(vanished.problems).to.deep.equal(['warning PROCESS_GONE'])
    expect(vanished.messages).to.include('on host-2').and.include('5 h ago').and.include('data folder folder')
    expect(vanished.gone).to.deep.equal(['killed 0'])
    note({ what: 'left', recalls: 5 }, 4 * HOUR_MS)
    const left = await look()
    expect(left.problems).to.deep.equal(['critical PROCESS_GONE'])
    expect(left.messages).to.include('5 recalls wait on its disk')
    expect(left.gone).to.deep.equal(['killed 5'])
  })

  it('are none once another process has the folder, or all was well when it stopped', async () => {
    const { note, look, hear } = open()
    note({ what: 'left', recalls: 5 }, 4 * HOUR_MS)
    hear({ id: 'next', ageMs: 100, state: RECEIVER })
    expect((await look()).problems).to.deep.equal([])
    hear()
    note({ id: 'next', what: 'used' }, 3 * HOUR_MS)
    note({ id: 'next', what: 'closed' }, 2 * HOUR_MS)
    expect(await look()).to.deep.include({ problems: [], gone: [] })
  })

  it('are told once while heartbeats tell of them too, and not of a process that has just begun', async () => {
    const { note, look, hear } = open()
    note({}, HOUR_MS)
    hear({ id: 'killed', ageMs: 300_000, state: RECEIVER })
    expect(await look()).to.deep.include({ problems: ['warning PROCESS_GONE'], gone: ['killed 0'] })
    hear()
    note({ folder: 'new', id: 'new' }, 10_000)
    expect((await look()).gone).to.deep.equal(['killed 0'])
  })

  it('are noted by those who see that recalls were left there, once', async () => {
    const { look, hear, notes } = open()
    const spool = { recalls: 5, bytes: 500, ageMs: 1_000 }
    hear({ id: 'killed', ageMs: 300_000, state: { ...RECEIVER, spool } })
    await look()
    await waitUntil('it is noted', () => notes().length === 1)
    expect(notes()).to.deep.equal(['left'])
    await look()
    expect(notes()).to.deep.equal(['left'])
  })

  it('are noted again, once, before a process that starts all the time pushes them out', async () => {
    const { note, look, stored } = open()
    note({ folder: 'old', id: 'forgotten' }, 31 * 24 * HOUR_MS)
    note({ folder: 'closed', id: 'ended', what: 'closed' }, 5 * HOUR_MS)
    note({ what: 'left', recalls: 5 }, 5 * HOUR_MS)
    for (let i = 0; i < 249; i++) note({ folder: 'looping', id: `p${i}` }, 0)
    await look()
    expect(stored).to.have.length(252)
    note({ folder: 'looping', id: 'p249' }, 0)
    await look()
    await waitUntil('it is noted again', () => stored.length > 253)
    await look()
    expect(stored.splice(1)).to.have.length(253)
    expect((await look()).messages)
      .to.include('5 h ago')
      .and.include('5 recalls wait')
    expect(stored).to.have.length(1)
  })

  it('end when somebody says that they are lost, also while heartbeats tell of them', async () => {
    const { note, look, hear, folders, notes } = open()
    note({ what: 'left', recalls: 5 }, 4 * HOUR_MS)
    expect(await folders.forget('other')).to.equal(false)
    expect(await folders.forget('folder')).to.equal(true)
    expect(await folders.forget('folder')).to.equal(false)
    expect((await look()).problems).to.deep.equal([])
    const spool = { recalls: 5, bytes: 500, ageMs: 1_000 }
    hear({ id: 'killed', ageMs: 300_000, state: { ...RECEIVER, spool } })
    expect((await look()).problems).to.deep.equal([])
    expect(notes()).to.deep.equal(['closed', 'left'])
  })

  it('are in use again if their process lives after all', async () => {
    const { createFolders, folders, notes } = open()
    const alive = createFolders('alive', 'folder')
    alive.start()
    expect(await folders.forget('folder')).to.equal(true)
    expect((await alive.read()).size).to.equal(1)
    expect(notes()).to.deep.equal(['used', 'closed', 'used'])
    await alive.stop()
  })

  it('are noted as used, and at the end as what they are', async () => {
    const { createFolders, notes } = open()
    for (const recalls of [0, 3]) {
      const folders = createFolders('p', 'folder', recalls)
      folders.start()
      await folders.stop()
    }
    const node = createFolders('node', undefined)
    node.start()
    await node.stop()
    expect(notes()).to.deep.equal(['left', 'used', 'closed', 'used'])
  })

  it('leave the overview as it is while notes cannot be read, and are no texts of others', async () => {
    const { look, state, stored, note } = open()
    note({}, HOUR_MS)
    state.isAway = true
    expect((await look()).problems).to.deep.equal([])
    state.isAway = false
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"folder":1}',
      encodeNote({ ...NOTE, folder: 'f'.repeat(65) }),
    ])
      stored.unshift({ atMs: 0, text })
    expect((await look()).gone).to.deep.equal(['killed 0'])
  })
})
