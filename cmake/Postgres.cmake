# Tests on PostgreSQL, all of them named `postgres.…` and labelled so: scripts/postgres starts a server before
# the first and stops it after the last.
set(QUARRY_POSTGRES "${CMAKE_SOURCE_DIR}/scripts/postgres")
execute_process(COMMAND "${QUARRY_POSTGRES}" url OUTPUT_VARIABLE QUARRY_TEST_POSTGRES OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)

# postgres_test(<name> COMMAND …): as add_test, with QUARRY_TEST_POSTGRES in the environment.
function(postgres_test name)
  add_test(NAME postgres.${name} ${ARGN})
  set_tests_properties(postgres.${name} PROPERTIES TIMEOUT 600 LABELS postgres FIXTURES_REQUIRED postgres
    ENVIRONMENT "QUARRY_TEST_POSTGRES=${QUARRY_TEST_POSTGRES}")
endfunction()

# Once, where tests are enabled.
function(postgres_server)
  add_test(NAME postgres COMMAND "${QUARRY_POSTGRES}" start)
  add_test(NAME postgres.stop COMMAND "${QUARRY_POSTGRES}" stop)
  set_tests_properties(postgres PROPERTIES FIXTURES_SETUP postgres LABELS postgres TIMEOUT 120)
  set_tests_properties(postgres.stop PROPERTIES FIXTURES_CLEANUP postgres LABELS postgres TIMEOUT 120)
endfunction()
