-- Move all readers to the new view, if it holds exactly what the old one holds.
-- KEYS: live, the old view's offsets, the new view's offsets, pause, the old view's and the new one's
--       through, views that readers left, the new one's side lane, the erasures that the old view and the new
--       one have heard of. ARGV: the old number, the new one.
-- Returns 1 where readers stand on the new view now, else 0.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local old, new = redis.call('HGETALL', KEYS[2]), {}
local flat = redis.call('HGETALL', KEYS[3])
for i = 1, #flat, 2 do new[flat[i]] = flat[i + 1] end
if redis.call('XLEN', KEYS[8]) > 0 then return 0 end
if #old == 0 or #old ~= #flat then return 0 end
for i = 1, #old, 2 do
  if new[old[i]] ~= old[i + 1] then return 0 end
end
-- Who is gone from the one must not be back in the other.
local heard, hears = redis.call('HGETALL', KEYS[9]), redis.call('HGETALL', KEYS[10])
if tonumber(heard[2] or '0') > tonumber(hears[2] or '0') then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[4])
redis.call('SADD', KEYS[7], ARGV[1])
-- The new view includes what the old one did, so freshness does not fall back.
local through = redis.call('GET', KEYS[5])
if through then redis.call('SET', KEYS[6], through) end
return 1
