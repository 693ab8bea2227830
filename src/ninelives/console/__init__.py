"""The pages that show services and releases and act on them; through boto3 only, so that they serve AWS, too."""
