import type { Messages } from './en.ts'

/** Texts about who uses the page, and how to sign in, in Simplified Chinese. */
export const access: Messages['access'] = {
  signIn: '登录',
  signInHint: '登录后会回到当前打开的内容。',
  withToken: '改用令牌登录',
  signInAgain: '重新登录',
  signInAgainHint: '会打开新的标签页，本页面的内容保持不变。',
  signInFailed: (text) => (text === '' ? '登录失败。' : `登录失败：${text}`),
  takenElsewhere: '登录成功。原来的标签页会继续使用，可以关闭此页。',
  dismiss: '知道了',
  offered: (other, own) => `链接中带有 ${other} 的令牌，您当前的身份是 ${own}。`,
  change: (other) => `切换为 ${other}`,
  stay: (own) => `继续使用 ${own}`,
  somebody: '其他用户',
  whoAmI: '我的身份',
  user: '用户',
  role: '角色',
  roles: { admin: '管理员', member: '成员' },
  app: '应用（SDKAppID）',
  environment: '环境',
  host: '应答主机',
  version: '版本',
  until: '登录有效期至',
}
