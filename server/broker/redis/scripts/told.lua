-- Notes when notices were told, unless an earlier note of the same notice is there.
-- KEYS  notes of rooms, up to 32
-- ARGV  1 TTL of notes in ms   2 offsets of which to keep notes, before the last one of a room
--       then for each room: how many notes, then for each note: offset, when it was told, when the notice was received, node
local keep, a = tonumber(ARGV[2]), 2
-- Some more than come in one call, so that none is left behind for long, and not for each of the rooms: this blocks the server.
local removals = 4000
-- repeat room: 32 times, 1 key on
if KEYS[1] then
  local low = content(redis.pcall('HGET', KEYS[1], 'low'))
  if low == nil then redis.call('DEL', KEYS[1]) end
  -- Anything may stand there. From minus infinity, the loop below would not end, and a script that has written cannot be stopped.
  low = low and #low <= 15 and string.find(low, '^%d+$') and tonumber(low) or nil
  local last = 0
  for i = 1, tonumber(ARGV[a + 1]) do
    local offset, at, received, node = ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]
    -- From infinity, or where numbers are no longer one apart, the loop below would not end either.
    if #offset > 15 or not string.find(offset, '^%d+$') then return redis.error_reply('ERR this is no offset') end
    local known = redis.call('HGET', KEYS[1], offset) or ''
    local known_at, known_received = string.match(known, '^(%d+):([^:]*):')
    if known_received ~= received or tonumber(at) < tonumber(known_at) then
      redis.call('HSET', KEYS[1], offset, at .. ':' .. received .. ':' .. node)
    end
    last = math.max(last, tonumber(offset))
    low = math.min(low or last, tonumber(offset))
    a = a + 4
  end
  a = a + 1
  local before = math.min(last - keep, low + removals)
  while low <= before do
    redis.call('HDEL', KEYS[1], string.format('%d', low))
    low = low + 1
    removals = removals - 1
  end
  redis.call('HSET', KEYS[1], 'low', string.format('%d', low))
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
-- end room
return 1
