import { expect } from 'chai'
import { encodeHeartbeat } from '../../server/telemetry/heartbeat-state.ts'
import { createAllQuarantines, quarantineName } from '../../server/receiver/quarantine/all-quarantines.ts'
import { IDLE_RECEIVER } from '../support/heartbeat.ts'

const FOLDERS = ['a', 'b', 'c'].map((letter) => `${letter}${'0'.repeat(35)}`) as [string, string, string]
const ALIVE_MS = 100
const GONE_MS = 60_000

const heartbeat = (dataFolder: string, ageMs: number) => ({
  id: dataFolder,
  ageMs,
  text: encodeHeartbeat({ ...IDLE_RECEIVER, dataFolder, quarantined: 1 }),
})

describe('the quarantines of all receivers, retried page by page', () => {
  it('name each receiver that cannot be asked once, whether it was gone before or goes meanwhile', async () => {
    const [first, asked, last] = FOLDERS
    const pages = [
      { accepted: 2, refused: 0, doneUntil: 2 },
      { accepted: 1, refused: 0 },
    ]
    const answers = pages.values()
    let lastAgeMs = ALIVE_MS
    const quarantines = createAllQuarantines({
      ownFolder: undefined,
      readHeartbeats: async () => [
        heartbeat(first, GONE_MS),
        heartbeat(asked, ALIVE_MS),
        heartbeat(last, lastAgeMs),
      ],
      broker: {
        ask: async (name) => {
          expect(name).to.equal(quarantineName(asked))
          return JSON.stringify(answers.next().value)
        },
      },
    })
    const silent: string[] = []
    let accepted = 0
    let cursor: string | undefined
    for (const _ of pages) {
      const page = await quarantines.retryMatching({}, cursor)
      accepted += page.accepted
      silent.push(...page.unanswered.map(({ folder }) => folder))
      cursor = 'cursor' in page ? page.cursor : undefined
      lastAgeMs = GONE_MS
    }
    expect({ accepted, silent, cursor }).to.deep.equal({
      accepted: 3,
      silent: [first, last],
      cursor: undefined,
    })
  })

  it('name the processes whose reports cannot be read, which may be receivers', async () => {
    const [first] = FOLDERS
    const unread = ['one', 'two'].map((id) => ({ id, ageMs: ALIVE_MS, text: undefined }))
    const quarantines = createAllQuarantines({
      ownFolder: undefined,
      readHeartbeats: async () => [...unread, heartbeat(first, ALIVE_MS)],
      broker: { ask: async () => JSON.stringify({ accepted: 1, refused: 0 }) },
    })
    const { accepted, unanswered } = await quarantines.retryMatching({}, undefined)
    expect(accepted).to.equal(1)
    expect(unanswered.map(({ folder }) => folder)).to.deep.equal(['others'])
    expect(unanswered[0]?.why).to.include('the reports of 2 other processes cannot be read (one, two)')
  })
})
