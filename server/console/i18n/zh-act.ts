import type { Messages } from './en.ts'

/** Texts of what a moderator does with a recall, in Simplified Chinese. */
export const act: Messages['act'] = {
  zone: {
    shown: (zone) => `时间按 ${zone} 显示`,
    toUtc: '按 UTC 显示时间',
    toLocal: '按您所在的时区显示时间',
  },
}
