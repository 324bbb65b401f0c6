-- Light truck (軽・2tトラック) on Japan's streets: the OSRM profile of kidohan.
--
-- Self-contained: needs nothing of OSRM's own profiles, only `light_truck_numbers.lua`
-- beside it, which `kidohan roads build` writes from the city's roads.toml. The same
-- rules stand in Python in `road_rules.py`; tests drive both over the same roads.

api_version = 4

local numbers = require("light_truck_numbers")

local NO = { no = true, private = true, agricultural = true, forestry = true,
  emergency = true, psv = true, bus = true, taxi = true, foot = true, military = true,
  customers = true, restricted = true, permit = true, residents = true,
  use_sidepath = true, unknown = true, official = true }
local YES = { yes = true, permissive = true, designated = true, destination = true,
  delivery = true, public = true }
-- The most special key decides: what is said of trucks outranks what is said of all.
local ACCESS_KEYS = { "goods", "motorcar", "motor_vehicle", "vehicle", "access" }
local CLOSED_BARRIERS = { bollard = true, block = true, chain = true, fence = true,
  gate = true, jersey_barrier = true, log = true, stile = true, swing_gate = true,
  turnstile = true, planter = true, debris = true, cycle_barrier = true, wall = true }

function setup()
  return {
    properties = {
      weight_name = "duration",
      max_speed_for_map_matching = 100 / 3.6,
      process_call_tagless_node = false,
      u_turn_penalty = numbers.u_turn_s,
      continue_straight_at_waypoint = false, -- a crew may turn round in a yard
      use_turn_restrictions = true,
      left_hand_driving = true,
    },
    default_mode = mode.driving,
    restrictions = { "goods", "motorcar", "motor_vehicle", "vehicle" },
    classes = {},
    excludable = {},
    relation_types = {},
  }
end

-- Metres or tonnes out of "2.5", "2.5 m", "2.5m", "3t"; nil for anything else.
local function number_of(text)
  if not text then
    return nil
  end
  local value, unit = string.match(text, "^%s*(%d+%.?%d*)%s*(%a*)%s*$")
  if not value or not (unit == "" or unit == "m" or unit == "t") then
    return nil
  end
  return tonumber(value)
end

local function below(way, keys, limit)
  for _, key in ipairs(keys) do
    local value = number_of(way:get_value_by_key(key))
    if value and value < limit then
      return true
    end
  end
  return false
end

-- nil: nothing said; false: shut; true: open.
local function access_of(object, suffix)
  for _, key in ipairs(ACCESS_KEYS) do
    local value = object:get_value_by_key(key .. suffix)
    if value and NO[value] then
      return false
    elseif value and YES[value] then
      return true
    end
  end
  return nil
end

function process_node(profile, node, result, relations)
  local access = access_of(node, "")
  local barrier = node:get_value_by_key("barrier")
  if access == false or (access == nil and barrier and CLOSED_BARRIERS[barrier]) then
    obstacle_map:add(node, Obstacle.new(obstacle_type.barrier))
  end
end

local function one_way(way, highway)
  local value = way:get_value_by_key("oneway:motor_vehicle")
    or way:get_value_by_key("oneway:vehicle") or way:get_value_by_key("oneway")
  if value == "yes" or value == "1" or value == "true" then
    return 1
  elseif value == "-1" or value == "reverse" then
    return -1
  elseif value == "reversible" or value == "alternating" then
    return nil
  end
  local junction = way:get_value_by_key("junction")
  local ring = junction == "roundabout" or junction == "circular"
  if not value and (ring or highway == "motorway") then
    return 1
  end
  return 0
end

local function speed_of(way, highway, direction)
  local speed = numbers.speed_kmh[highway]
  local posted = number_of(way:get_value_by_key("maxspeed:" .. direction)
    or way:get_value_by_key("maxspeed"))
  if posted and posted > 0 then
    speed = math.min(speed, posted)
  end
  local width = number_of(way:get_value_by_key("width"))
  if width and width < numbers.narrow_m then
    speed = math.min(speed, numbers.narrow_kmh)
  end
  return speed
end

function process_way(profile, way, result, relations)
  local highway = way:get_value_by_key("highway")
  if not highway or not numbers.speed_kmh[highway] then
    return
  end
  if way:get_value_by_key("area") == "yes" or way:get_value_by_key("impassable") == "yes" then
    return
  end
  local vehicle = numbers.vehicle
  if below(way, { "maxheight:physical", "maxheight" }, vehicle.height_m)
    or below(way, { "maxwidth:physical", "maxwidth", "width" }, vehicle.width_m)
    or below(way, { "maxweight" }, vehicle.weight_t)
    or below(way, { "maxlength" }, vehicle.length_m) then
    return
  end
  local direction = one_way(way, highway)
  if direction == nil then
    return
  end
  local open = access_of(way, "")
  local forward = access_of(way, ":forward")
  local backward = access_of(way, ":backward")
  if forward == nil then forward = open end
  if backward == nil then backward = open end

  if forward ~= false and direction >= 0 then
    result.forward_mode = mode.driving
    result.forward_speed = speed_of(way, highway, "forward")
  else
    result.forward_mode = mode.inaccessible
  end
  if backward ~= false and direction <= 0 then
    result.backward_mode = mode.driving
    result.backward_speed = speed_of(way, highway, "backward")
  else
    result.backward_mode = mode.inaccessible
  end
  if result.forward_mode == mode.inaccessible and result.backward_mode == mode.inaccessible then
    return
  end

  local rank = numbers.rank[highway]
  result.highway_turn_classification = rank
  result.road_classification.road_priority_class = numbers.priority[highway]
  result.road_classification.may_be_ignored = highway == "service"
  result.is_startpoint = highway ~= "motorway" and highway ~= "motorway_link"
  result.roundabout = way:get_value_by_key("junction") == "roundabout"
  result.is_left_hand_driving = true
  result.name = way:get_value_by_key("name:ja") or way:get_value_by_key("name") or ""
  local ref = way:get_value_by_key("ref")
  if ref then
    result.ref = ref
  end
end

-- Seconds at a junction: waiting for the signal or the right of way, then the turn.
function process_turn(profile, turn)
  if turn.number_of_roads < 3 and not turn.is_u_turn then
    turn.duration = 0
    turn.weight = 0
    return
  end
  local from = turn.source_highway_turn_classification
  local to = turn.target_highway_turn_classification
  local across = 0
  for _, road in pairs(turn.roads_on_the_right) do
    across = math.max(across, road.highway_turn_classification)
  end
  for _, road in pairs(turn.roads_on_the_left) do
    across = math.max(across, road.highway_turn_classification)
  end
  local main = math.max(from, to, across)
  local seconds = 0
  if from >= numbers.signal_rank and across >= numbers.signal_rank then
    seconds = numbers.signal_s
  elseif from < main then
    seconds = numbers.yield_s
  elseif main < numbers.signal_rank then
    seconds = numbers.minor_s
  end
  if turn.is_u_turn then
    seconds = seconds + numbers.u_turn_s
  elseif turn.angle > numbers.turn_angle_deg then
    seconds = seconds + numbers.right_turn_s -- across oncoming traffic: Japan keeps left
  elseif turn.angle < -numbers.turn_angle_deg then
    seconds = seconds + numbers.left_turn_s
  end
  turn.duration = seconds
  turn.weight = seconds
end

return {
  setup = setup,
  process_way = process_way,
  process_node = process_node,
  process_turn = process_turn,
}
