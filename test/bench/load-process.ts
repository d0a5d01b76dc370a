import { Audience } from './subscriber-pool.ts'
import type { Order, Outcomes } from './load.ts'
import { post } from './webhook-load.ts'

let audience: Audience | undefined

/** Does what the bench orders, one order at a time. */
async function obey(order: Order): Promise<Outcomes[Order['do']]> {
  if (order.do === 'post') return post(order.plan)
  if (order.do === 'assemble') {
    audience = new Audience(order.plan)
    return audience.connect()
  }
  if (audience === undefined) throw new Error('there is no audience')
  if (order.do === 'connect') return audience.connect(order.how)
  if (order.do === 'expect') return audience.expect(order.schedule)
  if (order.do === 'drop') return audience.drop()
  return { ...audience.report(), cpuUs: process.cpuUsage().user + process.cpuUsage().system }
}

process.on('message', (order: Order) => {
  obey(order).then(
    (outcome) => process.send?.({ outcome }),
    (error: unknown) => process.send?.({ failure: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
