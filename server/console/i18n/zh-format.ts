// How numbers and times read in the Chinese texts.

export const number = (count: number): string => count.toLocaleString('zh-CN')
export const seconds = (s: number): string =>
  s < 120 ? `${s.toFixed(s < 10 ? 1 : 0)} 秒` : `${number(Math.round(s / 60))} 分钟`
