-- One consistent look at the live view.
-- KEYS: live, through, pending. ARGV: the generation that the caller has open, the view's prefix, the prefix of
--       customer keys, then for each identifier its node key and the hash that names its customer in the
--       generation (empty for none).
-- Returns {live} where readers stand on another generation, else {live, through, node, customer, pending, …}
-- with false for what the overlay does not hold, and pending 1 where something of the identifier waits.
local live = redis.call('GET', KEYS[1])
if live ~= ARGV[1] then return {live} end
local result = {live, redis.call('GET', KEYS[2])}
for i = 4, #ARGV, 2 do
  local node = redis.call('GET', ARGV[2] .. ARGV[i])
  local digest = node and string.sub(node, 9, 24) or ARGV[i + 1]
  result[#result + 1] = node
  result[#result + 1] = digest ~= '' and redis.call('GET', ARGV[2] .. ARGV[3] .. digest)
  result[#result + 1] = redis.call('HEXISTS', KEYS[3], string.sub(ARGV[i], -16))
end
return result
