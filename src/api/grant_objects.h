#pragma once
// Keys and teams as LiteLLM's clients read them. Pure. Times are ISO 8601, money is US dollars.

#include "access/key_service.h"
#include "access/team_service.h"

#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace quarry::api {

// Everything but the key's text, which nobody has.
boost::json::object key_object(const access::KeyView& key);
boost::json::object team_object(const access::TeamView& team);

// `warnings`, where the request had members that mean nothing here.
void add_warnings(boost::json::object& object, const std::vector<std::string>& ignored);

}  // namespace quarry::api
