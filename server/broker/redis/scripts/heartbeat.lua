-- Stores the heartbeat of a process with the time of this server, and removes expired ones when there are many.
-- KEYS  1 heartbeats
-- ARGV  1 id of the process   2 text   3 TTL of a heartbeat in ms   4 number of heartbeats above which expired ones are removed
-- Returns nothing
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local heartbeat = string.format('%d:%s', now, ARGV[2])
if not content(redis.pcall('HSET', KEYS[1], ARGV[1], heartbeat)) then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], ARGV[1], heartbeat)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if redis.call('HLEN', KEYS[1]) <= tonumber(ARGV[4]) then return end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^(%d+):'))
  if not at or now - at > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[i]) end
end
