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
export function ringText(t: Messages, ring: Ring, rule: RingRule | undefined): string {
  const { rings } = t
  const { burst, recalls, rung } = ring
  const test = rung.every(({ isTest }) => isTest) ? [t.act.test.mark] : []
  if (burst === undefined) return [rings.ring.recalls(recalls), ...firstText(t, ring), ...test].join(' · ')
  const counted = rings.ring.counted(burst.count, rings.units[rule?.burst?.unit ?? 'recalls'])
  const texts = [counted, ...burstText(t, burst), ...test]
  return texts.join(' · ')
}

/** Where the first recall was, and by whom; and whether that is so of all of them. */
function firstText({ rings: { ring: texts } }: Messages, { rung, hasOthers, isElsewhere }: Ring): string[] {
  const [first] = rung
  if (first === undefined) return []
  const where = conversationText(first.conversation)
  const who = first.operator === undefined ? undefined : texts.by(visibleText(first.operator))
  return [
    isElsewhere ? texts.andElsewhere(where) : where,
    ...(who === undefined ? [] : [hasOthers ? texts.andOthers(who) : who]),
  ]
}

function burstText({ rings }: Messages, burst: NonNullable<Ring['burst']>): string[] {
  switch (burst.per) {
    case 'operator':
      return [rings.ring.by(visibleText(burst.of))]
    case 'group':
      return [rings.ring.in(visibleText(burst.of))]
    case 'all':
      return []
  }
}
