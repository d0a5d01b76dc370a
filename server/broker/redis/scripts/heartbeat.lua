-- Keeps what a process tells of itself, with the time of this server.
-- KEYS  1 reports
-- ARGV  1 id of the process   2 text   3 life of a report in ms   4 reports above which old ones are looked for
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d:%s', now, ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if redis.call('HLEN', KEYS[1]) <= tonumber(ARGV[4]) then return end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^(%d+):'))
  if not at or now - at > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[i]) end
end
