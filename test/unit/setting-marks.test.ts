import { expect } from 'chai'
import { answerConfiguration, createConfigurations } from '../../server/telemetry/configurations.ts'
import { createMarks } from '../../server/telemetry/setting-marks.ts'

const [SIGNING, NEXT, TOKENS] = ['s', 'n', 't'].map((one) => one.repeat(32))

interface Process {
  readonly role?: 'all' | 'receiver' | 'node'
  readonly signing?: readonly (string | undefined)[]
  readonly tokens?: readonly (string | undefined)[]
  readonly settings: Readonly<Record<string, string | null>>
}

const ownOf = ({ role = 'all', signing = [], tokens = [], settings }: Process, id: number) => {
  const list = (keys: readonly (string | undefined)[]) => keys.filter((key) => key !== undefined)
  const all = {
    ...settings,
    REDIS_SIGNING_KEY: list(signing).join(',') || null,
    JWT_SECRET: list(tokens).join(',') || null,
  }
  const isSecret = (name: string) => /KEY|SECRET|TOKEN/.test(name)
  return {
    id: String(id),
    host: 'a',
    role,
    version: '1',
    node: 'v24',
    marks: createMarks({ REDIS_SIGNING_KEY: list(signing), JWT_SECRET: list(tokens) }),
    settings: Object.entries(all).map(([name, whole]) => ({
      name,
      whole,
      value: whole !== null && isSecret(name) ? 'set' : whole,
      origin: 'environment' as const,
    })),
  }
}

/** Returns what the first finds different, and what the others sent. */
async function compare(...processes: Process[]) {
  const [own, ...others] = processes.map(ownOf)
  if (own === undefined) throw new Error('no process')
  const sent: string[] = []
  const { differences } = await createConfigurations(own, async ({ nameOf, question, decode }) => {
    const answers = others.map(async (other) => {
      let answerOf: (question: string) => Promise<string> = async () => ''
      answerConfiguration(other, {
        onAsk(name, answer) {
          if (name === nameOf(other.id)) answerOf = answer
          return () => undefined
        },
      })
      sent.push(await answerOf(question))
      return { id: other.id, answer: decode(sent.at(-1) ?? '') }
    })
    return { answers: await Promise.all(answers), unanswered: [] }
  })()
  return { differences: differences.toSorted(), sent }
}

describe('settings of several processes', () => {
  const settings = { WEBHOOK_TOKEN: 'hunter2', HISTORY_SIZE: '500' }
  const rotated = { WEBHOOK_TOKEN: 'hunter3', HISTORY_SIZE: '500' }

  it('are compared, secrets too, by a key that they have in common', async () => {
    for (const keys of [{ signing: [SIGNING] }, { tokens: [TOKENS] }]) {
      expect((await compare({ ...keys, settings }, { ...keys, settings })).differences).to.deep.equal([])
      const { differences } = await compare({ ...keys, settings }, { ...keys, settings: rotated })
      expect(differences).to.deep.equal(['WEBHOOK_TOKEN'])
    }
    const { differences } = await compare(
      { signing: [NEXT, SIGNING], tokens: [TOKENS], settings },
      { signing: [SIGNING], tokens: [TOKENS], settings },
    )
    expect(differences, 'while the key is changed').to.deep.equal(['REDIS_SIGNING_KEY'])
  })

  it('are compared by what is told of them where no key is common', async () => {
    const other = { WEBHOOK_TOKEN: 'hunter3', HISTORY_SIZE: '400' }
    expect((await compare({ settings }, { settings: other })).differences).to.deep.equal(['HISTORY_SIZE'])
    const { differences } = await compare({ signing: [SIGNING], settings }, { signing: [NEXT], settings })
    expect(differences).to.deep.equal(['REDIS_SIGNING_KEY'])
  })

  it('differ between roles only if both have them', async () => {
    const { differences } = await compare(
      { role: 'node', tokens: [TOKENS], settings: { ...settings, WEBHOOK_TOKEN: null } },
      { role: 'receiver', tokens: [TOKENS], settings: rotated },
      { role: 'receiver', tokens: [TOKENS], settings: { ...rotated, RELAY_URL: null } },
      { role: 'receiver', tokens: [TOKENS], settings: { ...rotated, RELAY_URL: 'https://a' } },
    )
    expect(differences).to.deep.equal(['RELAY_URL'])
  })

  it('send marks that tell nothing without the key, and no more when they are asked again', async () => {
    const markUnder = async (signing: string | undefined) => {
      const { sent } = await compare({ signing: [signing], settings }, { signing: [signing], settings })
      return /"WEBHOOK_TOKEN","value":"set","origin":"environment","mark":"(\w*)"/.exec(sent[0] ?? '')?.[1]
    }
    expect(await markUnder(SIGNING))
      .to.match(/^[\da-f]{4}$/)
      .and.to.equal(await markUnder(SIGNING))
    expect(await markUnder(NEXT)).to.not.equal(await markUnder(SIGNING))
    expect(await markUnder(undefined)).to.equal('')
  })
})
