import type { Command, Outcomes } from './load.ts'
import { SubscriberPool } from './subscriber-pool.ts'
import { postRecalls } from './webhook-load.ts'

let pool: SubscriberPool | undefined

/** Executes the commands of the benchmark, one at a time. */
async function execute(command: Command): Promise<Outcomes[Command['do']]> {
  if (command.do === 'post') return postRecalls(command.plan)
  if (command.do === 'subscribe') {
    pool = new SubscriberPool(command.plan)
    return pool.connect()
  }
  if (pool === undefined) throw new Error('there are no subscribers')
  if (command.do === 'reconnect') return pool.connect(command.mode)
  if (command.do === 'expect') return pool.expect(command.schedule)
  if (command.do === 'drop') return pool.drop()
  return pool.report()
}

process.on('message', (command: Command) => {
  execute(command).then(
    (outcome) => process.send?.({ outcome }),
    (error: unknown) => process.send?.({ failure: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
