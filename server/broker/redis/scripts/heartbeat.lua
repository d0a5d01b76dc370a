-- Stores the heartbeat of a process with the time of this server. When there are many, removes those of processes that are gone.
-- KEYS  1 heartbeats
-- ARGV  1 id of the process   2 text   3 TTL of a heartbeat in ms   4 number of heartbeats above which some are removed
--       5 age in ms above which a process is gone   6 number of processes that are gone of which the heartbeat stays
-- Returns the time of this server, in ms since 1970
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local heartbeat = string.format('%d:%s', now, ARGV[2])
if not content(redis.pcall('HSET', KEYS[1], ARGV[1], heartbeat)) then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], ARGV[1], heartbeat)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if redis.call('HLEN', KEYS[1]) <= tonumber(ARGV[4]) then return now end
local all = redis.call('HGETALL', KEYS[1])
local gone = {}
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^(%d+):')) or 0
  -- After a failover, the clock may be behind the one that wrote it.
  local age = math.abs(now - at)
  if age > tonumber(ARGV[5]) then gone[#gone + 1] = { all[i], age } end
end
table.sort(gone, function(a, b) return a[2] > b[2] end)
for i = 1, #gone - tonumber(ARGV[6]) do redis.call('HDEL', KEYS[1], gone[i][1]) end
return now
