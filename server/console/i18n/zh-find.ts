import type { Messages } from './en.ts'

/** Addresses, the search and the list of recalls. */
export const find: Messages['find'] = {
  address: {
    view: '链接中的视图不存在：',
    part: '链接中有此控制台无法识别的参数：',
    value: '链接中有无法解析的参数：',
    twice: '链接中的参数重复，仅第一个有效：',
    length: '链接过长，无法读取：',
  },
}
