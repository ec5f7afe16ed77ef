-- One consistent look at the live view.
-- KEYS: live, through, offsets, pending. ARGV: the generation that the caller has open; the length of the
--       view's prefix; how many identifiers; the key of each one's node; then for each the key of the
--       customer that the generation has it in ('' for none); then the keys that are only watched.
-- Returns {live} where readers stand on another generation, else {live, through, offsets, watched, waiting,
-- nodes, customers, pending}: watched what stands at these keys, empty where nothing does; waiting 1 where
-- anything waits at all; the last three in the order of the identifiers, with false for what the overlay does
-- not hold, pending empty where nothing waits. Each is one call for all, which is half the price of many.
local live = redis.call('GET', KEYS[1])
if live ~= ARGV[1] then return {live} end
local prefix, n = tonumber(ARGV[2]), tonumber(ARGV[3])
local watched = {}
if #ARGV > 3 + 2 * n and redis.call('EXISTS', unpack(ARGV, 4 + 2 * n)) > 0 then
  watched = redis.call('MGET', unpack(ARGV, 4 + 2 * n))
end
local waiting = redis.call('EXISTS', KEYS[4])
local result = {live, redis.call('GET', KEYS[2]), redis.call('HGETALL', KEYS[3]), watched, waiting, {}, {}, {}}
if n == 0 then return result end
local nodes = redis.call('MGET', unpack(ARGV, 4, 3 + n))
local places = {unpack(ARGV, 4 + n, 3 + 2 * n)}
local none = string.rep('\0', 16)
for i = 1, n do
  local node = nodes[i]
  if node then
    local digest = string.sub(node, 9, 24)
    if digest == '' or digest == none then
      places[i] = ''
    else
      local key = ARGV[3 + i]
      places[i] = string.sub(key, 1, prefix) .. 'c' .. string.sub(key, prefix + 2, -17) .. digest
    end
  end
end
result[6] = nodes
result[7] = redis.call('MGET', unpack(places))
if waiting == 1 then
  local digests = {}
  for i = 1, n do digests[i] = string.sub(ARGV[3 + i], -16) end
  result[8] = redis.call('HMGET', KEYS[4], unpack(digests))
end
return result
