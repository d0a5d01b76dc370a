import { expect } from 'chai'
import { toMembershipEnd } from '../../server/receiver/commands/membership.ts'

const NOW_MS = 1_767_225_600_000

describe('the end of a group', () => {
  for (const [what, time, expected] of [
    ['is when the provider says', NOW_MS - 5_000, NOW_MS - 5_000],
    ['is when the provider says, also if our clock is behind', NOW_MS + 3_600_000, NOW_MS + 3_600_000],
    ['is now if the provider says nothing', undefined, NOW_MS],
    ['is now if the time is in seconds', NOW_MS / 1_000, NOW_MS],
    ['is now if the time is in microseconds', NOW_MS * 1_000, NOW_MS],
  ] as const)
    it(what, () => {
      const fields = { GroupId: 'g', EventTime: time }
      expect(toMembershipEnd('Group.CallbackAfterGroupDestroyed', fields, NOW_MS)).to.deep.equal({
        group: 'g',
        dismissedAtMs: expected,
      })
    })
})
