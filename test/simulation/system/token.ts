import { SignJWT } from 'jose'
import type { Room } from '../../../shared/room.ts'
import { JWT_SECRET } from '../../support/gateway-process.ts'
import { START_MS, world } from '../world/globals.ts'

interface Claims {
  readonly sub: string
  readonly isAdmin?: boolean
  readonly rooms?: readonly Room[]
  readonly lifeMs: number
}

/** Signs a token as the app's backend does, whose clock is right. */
export const signToken = ({ sub, isAdmin = false, rooms, lifeMs }: Claims): Promise<string> =>
  new SignJWT({ ...(isAdmin && { role: 'admin' }), ...(rooms && { rooms }) })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime((START_MS + world.schedule.nowMs + lifeMs) / 1_000)
    .sign(new TextEncoder().encode(JWT_SECRET))
