import type { Messages } from '../i18n/en.ts'
import { conversationText } from '../state/conversations.ts'
import type { RingRule } from '../state/ring-rules.ts'
import type { Ring } from '../state/rung.ts'
import { visibleText } from '../state/visible-text.ts'

/** What a rule rings for, in words. */
export function ruleText({ rings: { rule: texts, units, pers } }: Messages, rule: RingRule): string {
  const { burst, coolDownS } = rule
  const what =
    burst === undefined
      ? texts.each
      : texts.burst(burst.count, units[burst.unit], burst.withinS, pers[burst.per])
  return `${what} · ${texts.coolDown(coolDownS)}`
}

/** What a ring is about, in words. As plain text, because notifications have no markup. */
export function ringText({ rings }: Messages, ring: Ring, rule: RingRule | undefined): string {
  const { burst, recalls, rung } = ring
  const [first] = rung
  if (burst === undefined) {
    const where = first === undefined ? [] : [conversationText(first.conversation)]
    const who = first?.operator === undefined ? [] : [rings.ring.by(visibleText(first.operator))]
    return [rings.ring.recalls(recalls), ...where, ...who].join(' · ')
  }
  const counted = rings.ring.counted(burst.count, rings.units[rule?.burst?.unit ?? 'recalls'])
  switch (burst.per) {
    case 'operator':
      return `${counted} · ${rings.ring.by(visibleText(burst.of))}`
    case 'group':
      return `${counted} · ${rings.ring.in(visibleText(burst.of))}`
    case 'all':
      return counted
  }
}
