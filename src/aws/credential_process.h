#pragma once
// `credential_process` of a profile: a program that prints credentials ("Process credential
// provider", AWS SDKs and Tools Reference Guide).

#include "aws/credentials.h"
#include "base/result.h"

#include <chrono>
#include <string>
#include <vector>

namespace quarry::aws {

inline constexpr std::chrono::seconds kCredentialProcessTimeout{45};

// Started without a shell, with nothing on its standard input. Errors: forbidden (does not start,
// ends with another exit code than 0: the message has its standard error's words, never what it
// printed; prints something else), deadline_exceeded (it is killed then), cancelled (by stop() of
// world.programs, which runs it).
Task<Credentials> run_credential_process(
    IdentityWorld world,
    std::string command_line,
    std::chrono::milliseconds timeout = kCredentialProcessTimeout);

// What a program printed: {"Version": 1, "AccessKeyId", …}. Pure.
Result<Credentials> parse_process_output(std::string_view json);

}  // namespace quarry::aws
