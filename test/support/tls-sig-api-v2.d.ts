declare module 'tls-sig-api-v2' {
  export class Api {
    constructor(app: number, key: string)
    genUserSig(userId: string, expireS: number): string
    genPrivateMapKey(userId: string, expireS: number, room: number, privileges: number): string
  }
}
